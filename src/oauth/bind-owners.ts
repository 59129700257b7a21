import { Injectable } from '@nestjs/common';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { Names, refuseWeak } from '../users/password-policy.js';
import { PasswordProofs } from '../users/password-proofs.js';
import { Terms } from '../users/terms.js';
import { AccountWithPassword, hasPassword, UsersService } from '../users/users.service.js';

/** The account to bind a QQ to, or the data of an account to create. */
export type BindOwner = {
  /** When the account was read, in ms since the epoch. */
  readonly asOf: number;
  /** Encoded; set if the account is new or had no password. */
  readonly newPassword?: string;
  /** The version of the terms that a new user accepted. */
  readonly terms?: string | undefined;
} & ({ readonly existing: AccountWithPassword } | { readonly existing?: undefined; readonly mobile: string });

export interface MobileOwner {
  readonly mobile: string;
  readonly password: string;
  readonly termsVersion?: string | undefined;
  readonly client: Client;
}

/** Finds the account to bind a QQ to, and checks its password. The SMS code is checked elsewhere, before this. */
@Injectable()
export class BindOwners {
  constructor(
    private readonly passwords: PasswordHasher,
    private readonly proofs: PasswordProofs,
    private readonly terms: Terms,
    private readonly users: UsersService,
  ) {}

  /**
   * The owner of a mobile: the existing account, if the password is right, or a new user.
   * @throws Problem PASSWORD_INVALID, ACCOUNT_DISABLED, TERMS_REQUIRED, OVERLOADED, REQUEST_INVALID when a new password
   *   is weak
   */
  async ofMobile({ mobile, password, termsVersion, client }: MobileOwner): Promise<BindOwner> {
    const asOf = Date.now();
    const existing = await this.users.findByMobile(mobile);
    if (!existing) {
      const terms = this.terms.agreed(termsVersion);
      return { mobile, asOf, terms, newPassword: await this.encoded(password, { mobile }, client) };
    }
    const { id: userId, isActive } = existing;
    if (!hasPassword(existing)) {
      if (!isActive) throw new Problem('ACCOUNT_DISABLED', { userId });
      return { existing, asOf, newPassword: await this.encoded(password, existing, client) };
    }
    const right = await this.passwords.matches(password, existing, client, 'proven');
    if (!right) throw new Problem('PASSWORD_INVALID', { userId });
    if (!isActive) throw new Problem('ACCOUNT_DISABLED', { userId });
    return { existing, asOf };
  }

  /**
   * The account of a logged-in person.
   * @throws Problem LOGIN_REQUIRED when it is disabled or gone
   */
  async activeAccount(id: number): Promise<AccountWithPassword> {
    const account = await this.users.findWithPassword(id);
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    return account;
  }

  /**
   * A logged-in person who enters the password again. A wrong password counts as a failed login.
   * @throws Problem PASSWORD_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED, REQUEST_INVALID when a new
   *   password is weak
   */
  async loggedIn(account: AccountWithPassword, password: string, client: Client): Promise<BindOwner> {
    const asOf = Date.now();
    if (hasPassword(account)) {
      return { existing: await this.proofs.confirm(account.id, password, client), asOf };
    }
    return { existing: account, asOf, newPassword: await this.encoded(password, account, client) };
  }

  private async encoded(password: string, names: Names, client: Client): Promise<string> {
    refuseWeak(password, names);
    return this.passwords.hash(password, client);
  }
}
