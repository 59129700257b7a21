import { Injectable } from '@nestjs/common';
import { EntityManager } from 'typeorm';
import { Login } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Limits } from '../limits/limits.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { AccountChanges, Change } from './account-changes.js';
import { PasswordProofs } from './password-proofs.js';
import { AccountWithPassword, hasPassword, UsersService } from './users.service.js';

/** What another module removes when an account is closed. */
export type ClosingStep = (userId: number, tx: EntityManager) => Promise<void>;

/** Changes that a logged-in person makes to the account: another mobile, closing it. */
@Injectable()
export class OwnAccountService {
  private readonly closingSteps: ClosingStep[] = [];

  constructor(
    private readonly changes: AccountChanges,
    private readonly limits: Limits,
    private readonly proofs: PasswordProofs,
    private readonly smsCodes: SmsCodeService,
    private readonly users: UsersService,
  ) {}

  /** Adds a step to the transaction that closes an account. For modules that may not be imported here. */
  onClose(step: ClosingStep): void {
    this.closingSteps.push(step);
  }

  /**
   * Changes the mobile. `smsCode` was sent to the new one. Every login of the account ends.
   * @throws Problem SMS_CODE_INVALID, PASSWORD_INVALID, MOBILE_TAKEN, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async changeMobile(
    login: Login,
    { mobile, smsCode, password }: { mobile: string; smsCode: string; password?: string | undefined },
    client: Client,
  ): Promise<void> {
    await this.limits.take({ 'account-changes-per-ip': client.network });
    await this.smsCodes.check(mobile, smsCode, client.network);
    const account = await this.proven(await this.active(login), password, client);
    const change = { account, login, event: { event: 'mobile_changed', via: 'sms', client } } as const;
    await this.smsCodes.spending(mobile, smsCode, client, (spend) =>
      this.changes.commit(change, async (tx) => {
        await this.users.setMobile(account, mobile, tx);
        await spend();
      }),
    );
  }

  /**
   * Closes the account for good: its QQs are unbound, its logins end, its mobile and username become free. The row
   * stays without them, because the shop's orders refer to it. `smsCode` was sent to the account's own mobile.
   * @throws Problem SMS_CODE_INVALID, PASSWORD_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async close(login: Login, smsCode: string, password: string | undefined, client: Client): Promise<void> {
    await this.limits.take({ 'account-changes-per-ip': client.network });
    const found = await this.active(login);
    await this.smsCodes.check(found.mobile, smsCode, client.network);
    const account = await this.proven(found, password, client);
    const change = { account, login, event: { event: 'closed', via: 'sms', client } } as const;
    await this.smsCodes.spending(account.mobile, smsCode, client, (spend) => this.closeHeld(change, spend));
  }

  /**
   * Closes an account whose proofs were checked, or one that the support desk closes. `last` is the last step before
   * commit.
   */
  async closeHeld(change: Change, last = async (): Promise<void> => undefined): Promise<void> {
    const { id } = change.account;
    await this.changes.commit(change, async (tx) => {
      for (const step of this.closingSteps) await step(id, tx);
      await this.users.close(id, tx);
      await last();
    });
  }

  private async active({ userId }: Login): Promise<AccountWithPassword> {
    const account = await this.users.findWithPassword(userId);
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    return account;
  }

  /** The confirmed account. If it has no password, the login and the SMS code are the proof. */
  private async proven(
    account: AccountWithPassword,
    password: string | undefined,
    client: Client,
  ): Promise<AccountWithPassword> {
    if (!hasPassword(account)) return account;
    if (password === undefined) throw new Problem('PASSWORD_INVALID', { userId: account.id });
    return this.proofs.confirm(account.id, password, client);
  }
}
