import { Injectable } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { AuditEvent } from '../audit/audit-event.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Login } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { AccountChanges } from '../users/account-changes.js';
import { Account, UsersService } from '../users/users.service.js';
import { BindOwner } from './bind-owners.js';
import { BindReceipts, BindRequestMark } from './bind-receipts.js';
import { BindGrant } from './bind-token.service.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqBindings } from './qq-bindings.js';

export interface ProvenBind {
  readonly owner: BindOwner;
  readonly grant: BindGrant;
  readonly mark: BindRequestMark;
  readonly client: Client;
  /** The login of a person who adds a QQ. It must not have ended in the meantime. */
  readonly login?: Login;
  /** Uses up the SMS code. */
  readonly spend: () => Promise<void>;
}

/** Writes a bind whose proofs were checked. */
@Injectable()
export class BindTransaction {
  constructor(
    private readonly bindings: QqBindings,
    private readonly changes: AccountChanges,
    private readonly dataSource: DataSource,
    private readonly receipts: BindReceipts,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * Writes the account (if new), the binding and the trail, and spends the SMS code as the last step before commit.
   * Five statements, including BEGIN and COMMIT.
   * @throws Problem SMS_CODE_INVALID, PASSWORD_INVALID, ACCOUNT_DISABLED, LOGIN_REQUIRED when a proof no longer holds;
   *   BIND_TOKEN_INVALID when the QQ was unbound in the meantime; QQ_ALREADY_BOUND, MOBILE_TAKEN after a lost race
   */
  async commit(bind: ProvenBind): Promise<{ account: Account; binding: OAuthQQUser }> {
    return this.dataSource.transaction(async (tx) => {
      const { grant, mark } = bind;
      const account = await this.account(bind, tx);
      const binding = await this.bindings.add(grant.identity, account.id, tx);
      await this.trail.record(this.events(bind, account.id), tx);
      // From here to the end of the transaction, the QQ's unique index makes every other bind of this QQ wait.
      await this.receipts.write(grant, mark);
      await bind.spend();
      return { account, binding };
    });
  }

  private async account({ owner, login }: ProvenBind, tx: EntityManager): Promise<Account> {
    const { existing, newPassword } = owner;
    if (!existing) return this.users.add({ mobile: owner.mobile, password: newPassword! }, tx);
    await this.changes.holdProof({ account: existing, ...(login && { login }) }, tx);
    if (newPassword) await this.users.setPassword(existing.id, newPassword, tx);
    return existing;
  }

  private events({ owner, grant, client }: ProvenBind, userId: number): AuditEvent[] {
    const common = { userId, client, openid: grant.identity.openid };
    const events: AuditEvent[] = [];
    if (!owner.existing) events.push({ ...common, event: 'registered', via: 'qq', detail: owner.terms });
    else if (owner.newPassword) events.push({ ...common, event: 'password_changed', via: 'sms' });
    return [...events, { ...common, event: 'bound', via: 'sms' }];
  }
}
