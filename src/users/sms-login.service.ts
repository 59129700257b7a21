import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Limits } from '../limits/limits.js';
import { PhoneTransactions } from './phone-transactions.js';
import { Terms } from './terms.js';
import { Account, UNUSABLE_PASSWORD, UsersService } from './users.service.js';

export interface SmsLogin {
  readonly mobile: string;
  readonly smsCode: string;
  readonly termsVersion?: string | undefined;
}

/** Login by SMS code. A mobile without an account gets one, without a password. */
@Injectable()
export class SmsLoginService {
  constructor(
    private readonly limits: Limits,
    private readonly phone: PhoneTransactions,
    private readonly terms: Terms,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * The account of the phone's owner.
   * @throws Problem SMS_CODE_INVALID, ACCOUNT_DISABLED, TERMS_REQUIRED for a new account, TOO_MANY_REQUESTS
   */
  async login(login: SmsLogin, client: Client): Promise<Proven<Account> & { readonly newcomer: boolean }> {
    await this.limits.take({ 'sms-logins-per-ip': client.network });
    await this.phone.check(login.mobile, login.smsCode, client);
    const known = await this.existing(login, client);
    if (known) return { ...known, newcomer: false };
    const asOf = Date.now();
    try {
      return { account: await this.newcomer(login, client), asOf, newcomer: true };
    } catch (error) {
      // Another request opened the account in the meantime, and the code was put back.
      const winner =
        error instanceof Problem && error.code === 'MOBILE_TAKEN' && (await this.existing(login, client));
      if (winner) return { ...winner, newcomer: false };
      throw error;
    }
  }

  private async existing(
    { mobile, smsCode }: SmsLogin,
    client: Client,
  ): Promise<Proven<Account> | undefined> {
    const asOf = Date.now();
    const account = await this.users.findByMobile(mobile);
    if (!account) return undefined;
    if (!account.isActive) throw new Problem('ACCOUNT_DISABLED', { userId: account.id });
    await this.phone.spend(mobile, smsCode, client);
    return { account, asOf };
  }

  private async newcomer({ mobile, smsCode, termsVersion }: SmsLogin, client: Client): Promise<Account> {
    const detail = this.terms.agreed(termsVersion);
    return this.phone.run(mobile, smsCode, client, async (tx) => {
      const account = await this.users.add({ mobile, password: UNUSABLE_PASSWORD }, tx);
      await this.trail.record([{ event: 'registered', via: 'sms', userId: account.id, detail, client }], tx);
      return account;
    });
  }
}
