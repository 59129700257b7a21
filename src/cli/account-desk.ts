import { Injectable } from '@nestjs/common';
import { AccountEvent } from '../audit/account-event.entity.js';
import { EventName } from '../audit/audit-event.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { AccountQqsService } from '../oauth/account-qqs.service.js';
import { OAuthQQUser } from '../oauth/oauth-qq-user.entity.js';
import { AccountChanges } from '../users/account-changes.js';
import { OwnAccountService } from '../users/own-account.service.js';
import { Account, UsersService } from '../users/users.service.js';

/** The client in the audit trail: the support desk does not come over HTTP. */
const DESK: Client = {
  ip: '',
  network: '',
  subnet: '',
  userAgent: 'account command',
  requestId: 'account command',
  isGone: () => false,
};
const EVENTS_SHOWN = 20;

/** What the support desk sees of an account. */
export interface AccountFile {
  readonly account: Account;
  readonly qqs: readonly OAuthQQUser[];
  readonly events: readonly AccountEvent[];
}

/** What the support desk does with accounts. Every change is recorded in the trail with the operator's name. */
@Injectable()
export class AccountDesk {
  constructor(
    private readonly accounts: OwnAccountService,
    private readonly changes: AccountChanges,
    private readonly limits: Limits,
    private readonly qqs: AccountQqsService,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /** Every account with this mobile, name or id. */
  async find(wanted: string): Promise<Account[]> {
    const byName = await this.users.findByName(wanted);
    const byId = /^\d{1,9}$/.test(wanted) ? await this.users.findById(Number(wanted)) : null;
    return [byName, byId].filter((account) => account != null);
  }

  async show(account: Account): Promise<AccountFile> {
    const [qqs, events] = await Promise.all([
      this.qqs.rows(account.id),
      this.trail.list(account.id, EVENTS_SHOWN),
    ]);
    return { account, qqs, events };
  }

  /** Prevents every kind of login to the account, and ends its logins. */
  async disable(account: Account, operator: string): Promise<void> {
    await this.changes.commit(this.change(account, 'disabled', operator), (tx) =>
      this.users.setActive(account.id, false, tx),
    );
  }

  async enable(account: Account, operator: string): Promise<void> {
    await this.changes.commit(this.change(account, 'enabled', operator), (tx) =>
      this.users.setActive(account.id, true, tx),
    );
  }

  /** Ends every login of the account. */
  async signOut(account: Account, operator: string): Promise<void> {
    await this.changes.commit(this.change(account, 'signed_out_everywhere', operator), async () => undefined);
  }

  /**
   * Unbinds a QQ for every app id. To resolve a QQ_CONFLICT, one of the two accounts loses its binding.
   * @throws Problem NOT_FOUND when the account has no binding of this id
   */
  async unbind(account: Account, bindingId: number, operator: string): Promise<void> {
    await this.qqs.remove(bindingId, this.change(account, 'unbound', operator));
  }

  /** Resets the limits that failed tries, by the owner or by others, have reached. */
  async unlock({ id, mobile }: Account): Promise<void> {
    await this.limits.forget({ 'login-failures-per-account': String(id) });
    await this.limits.forget({
      'sms-per-mobile-minute': mobile,
      'sms-per-mobile-hour': mobile,
      'sms-per-mobile-day': mobile,
      'sms-tries-per-mobile-day': mobile,
    });
  }

  /** Closes the account for good, as its owner can. */
  async close(account: Account, operator: string): Promise<void> {
    await this.accounts.closeHeld(this.change(account, 'closed', operator));
  }

  private change({ id }: Account, event: EventName, operator: string) {
    return { account: { id, disabledToo: true }, event: { event, client: DESK, detail: operator } } as const;
  }
}
