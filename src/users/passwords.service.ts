import { Injectable } from '@nestjs/common';
import { Login } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { AccountChanges } from './account-changes.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseCommon } from './password-policy.js';
import { PasswordProofs } from './password-proofs.js';
import { UsersService } from './users.service.js';

/** Sets another password: by changing it, or by SMS when it was forgotten. */
@Injectable()
export class PasswordsService {
  constructor(
    private readonly changes: AccountChanges,
    private readonly hasher: PasswordHasher,
    private readonly limits: Limits,
    private readonly proofs: PasswordProofs,
    private readonly smsCodes: SmsCodeService,
    private readonly users: UsersService,
  ) {}

  /**
   * Changes the password of a logged-in person. Every older login ends. The transaction compares the old password
   * again, so of two simultaneous changes the second one fails.
   * @throws Problem PASSWORD_INVALID, REQUEST_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async change(login: Login, oldPassword: string, newPassword: string, client: Client): Promise<void> {
    const account = await this.proofs.confirm(login.userId, oldPassword, client);
    refuseCommon(newPassword, account, 'new_password');
    const encoded = await this.hasher.hash(newPassword, client);
    await this.changes.commit(
      { account, login, event: { event: 'password_changed', via: 'password', client } },
      (tx) => this.users.setPassword(account.id, encoded, tx),
    );
  }

  /**
   * Replaces a forgotten password for the owner of the phone. Whether or not the mobile has an account, the code is
   * spent, the answer is the same, and one hash makes both equally slow.
   * @throws Problem SMS_CODE_INVALID, REQUEST_INVALID, TOO_MANY_REQUESTS, OVERLOADED
   */
  async reset(mobile: string, smsCode: string, password: string, client: Client): Promise<void> {
    await this.limits.take({ 'resets-per-ip': client.network });
    refuseCommon(password, { mobile });
    await this.smsCodes.check(mobile, smsCode, client.network);
    const encoded = await this.hasher.hash(password, client);
    const account = await this.users.findByMobile(mobile);
    await this.smsCodes.spending(mobile, smsCode, client, async (spend) => {
      if (!account?.isActive) return spend();
      const { id } = account;
      return this.changes.commit(
        { account: { id, mobile }, event: { event: 'password_changed', via: 'sms', client } },
        async (tx) => {
          await this.users.setPassword(id, encoded, tx);
          await spend();
        },
      );
    });
  }
}
