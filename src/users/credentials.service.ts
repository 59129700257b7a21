import { Injectable } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { TokenService } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseCommon } from './password-policy.js';
import { Account, UsersService } from './users.service.js';
import { User } from './user.entity.js';

export interface Registration {
  readonly username: string;
  readonly password: string;
  readonly mobile: string;
  readonly smsCode: string;
}

/** How an account gets its password: registering, changing it, forgetting it. */
@Injectable()
export class CredentialsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly events: AccountEvents,
    private readonly passwords: PasswordHasher,
    private readonly smsCodes: SmsCodeService,
    private readonly tokens: TokenService,
    private readonly users: UsersService,
  ) {}

  /**
   * Opens an account with a username; the SMS code is spent as the last step before commit.
   * @throws Problem REQUEST_INVALID, SMS_CODE_INVALID, USERNAME_TAKEN, MOBILE_TAKEN, TOO_MANY_REQUESTS, OVERLOADED
   */
  async register({ username, password, mobile, smsCode }: Registration, client: Client): Promise<Account> {
    refuseCommon(password, { mobile, username });
    await this.smsCodes.refuseUnsent(mobile);
    await this.smsCodes.check(mobile, smsCode);
    await this.users.refuseTaken(username, mobile);
    const encoded = await this.passwords.hash(password, client);
    return this.smsCodes.spending(mobile, smsCode, (spend) =>
      this.dataSource.transaction(async (tx) => {
        const account = await this.users.register({ username, mobile, password: encoded }, tx);
        await this.events.record([{ event: 'registered', via: 'sms', userId: account.id, client }], tx);
        await spend();
        return account;
      }),
    );
  }

  /**
   * A logged-in person changes the password; every older token ends.
   * @throws Problem PASSWORD_INVALID, REQUEST_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async change(userId: number, oldPassword: string, newPassword: string, client: Client): Promise<void> {
    const account = await this.users.confirmPassword(userId, oldPassword, client);
    refuseCommon(newPassword, account, 'new_password');
    const encoded = await this.passwords.hash(newPassword, client);
    await this.ending(userId, async (tx) => {
      // Only over the password that was just confirmed: of two changes at once the second has to know the first.
      const { affected } = await tx.update(
        User,
        { id: userId, password: account.password },
        { password: encoded },
      );
      if (affected === 0) throw new Problem('PASSWORD_INVALID', { userId });
      await this.events.record([{ event: 'password_changed', via: 'password', userId, client }], tx);
    });
  }

  /**
   * A forgotten password is replaced by whoever has the phone. The code is spent and the answer is the same
   * whether or not the mobile has an account; both pay one hash, so both take as long.
   * @throws Problem SMS_CODE_INVALID, REQUEST_INVALID, TOO_MANY_REQUESTS, OVERLOADED
   */
  async reset(mobile: string, smsCode: string, password: string, client: Client): Promise<void> {
    refuseCommon(password, { mobile });
    await this.smsCodes.refuseUnsent(mobile);
    await this.smsCodes.check(mobile, smsCode);
    const encoded = await this.passwords.hash(password, client);
    const account = await this.users.findByMobile(mobile);
    await this.smsCodes.spending(mobile, smsCode, async (spend) => {
      if (!account?.isActive) return spend();
      return this.ending(account.id, async (tx) => {
        await tx.update(User, { id: account.id }, { password: encoded });
        await this.events.record([{ event: 'password_changed', via: 'sms', userId: account.id, client }], tx);
        await spend();
      });
    });
  }

  /** Ends every token of the account. */
  async signOutEverywhere(userId: number, client: Client): Promise<void> {
    await this.ending(userId, (tx) =>
      this.events.record([{ event: 'signed_out_everywhere', userId, client }], tx),
    );
  }

  /**
   * Runs `work` in a transaction and ends the account's older tokens. Twice: before the commit, so that nothing
   * changes while Redis is away; and after it, because somebody may have logged in with the old password between.
   */
  async ending<T>(userId: number, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const result = await this.dataSource.transaction(async (tx) => {
      const done = await work(tx);
      await this.tokens.revokeAll(userId);
      return done;
    });
    await this.tokens.revokeAll(userId);
    return result;
  }
}
