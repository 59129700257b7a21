import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Limits, Uses } from '../limits/limits.js';
import { HashRenewals } from './hash-renewals.js';
import { PasswordHasher } from './password-hasher.js';
import { Account, AccountWithPassword, UsersService } from './users.service.js';

/** The owner of the password: a known account, or one to look up by name. */
interface Wanted {
  readonly find: () => Promise<AccountWithPassword | undefined>;
  readonly id?: number;
  /** The subject of the counts if no account has this name. */
  readonly name?: string;
}

/** Proof by password, and the limits on guessing one. */
@Injectable()
export class PasswordProofs {
  constructor(
    private readonly limits: Limits,
    private readonly passwords: PasswordHasher,
    private readonly renewals: HashRenewals,
    private readonly users: UsersService,
  ) {}

  /**
   * The account with this name (or mobile) and password.
   * @throws Problem CREDENTIALS_INVALID, ACCOUNT_DISABLED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async login(name: string, password: string, client: Client): Promise<Proven<Account>> {
    const asOf = Date.now();
    const find = async () => this.users.findByName(name);
    const { account, right } = await this.guess(password, { find, name: spelling(name) }, client);
    if (!right || !account) throw new Problem('CREDENTIALS_INVALID', { userId: account?.id });
    if (!account.isActive) throw new Problem('ACCOUNT_DISABLED', { userId: account.id });
    if (!this.passwords.isCurrent(account.password)) this.renewals.renewLater(account, password, client);
    return { account, asOf };
  }

  /**
   * Checks the password of a logged-in person again. A wrong one counts as a failed login.
   * @throws Problem PASSWORD_INVALID, LOGIN_REQUIRED when the account is disabled or gone, TOO_MANY_REQUESTS,
   *   OVERLOADED
   */
  async confirm(id: number, password: string, client: Client): Promise<AccountWithPassword> {
    const find = async () => {
      const found = await this.users.findWithPassword(id);
      if (!found?.isActive) throw new Problem('LOGIN_REQUIRED');
      return found;
    };
    const { account, right } = await this.guess(password, { find, id }, client);
    if (!right || !account) throw new Problem('PASSWORD_INVALID', { userId: id });
    return account;
  }

  /**
   * Looks up the account and compares the password. A try counts as a failure until it is known to be none.
   *
   * Limits by address come first, so that a refused request costs no SQL statement and no hash. Then come the account's
   * limits, which do not depend on the spelling of its name, and which count each address separately, so that a
   * stranger's failures do not count for the owner. For a known account they come before the look-up.
   */
  private async guess(
    password: string,
    { find, id, name = '' }: Wanted,
    client: Client,
  ): Promise<{ account: AccountWithPassword | undefined; right: boolean }> {
    const { network } = client;
    const counted: Uses[] = [];
    let failed = false;
    // First, because it costs nothing: a request that the queue refuses asks neither Redis nor the database.
    const release = this.passwords.reserveGuess(client);
    try {
      const byAddress: Uses = { 'login-failures-per-ip': network };
      await this.limits.take({ 'password-checks-per-ip': network, ...byAddress });
      counted.push(byAddress);
      const found = id === undefined ? await find() : undefined;
      const subject = id ?? found?.id ?? name;
      const byAccount: Uses[] = [
        { 'login-failures-per-account-and-ip': `${subject}@${network}` },
        // Last: a request refused for its address must not count here, because this count also refuses the owner.
        { 'login-failures-per-account': String(subject) },
      ];
      await this.limits.take(...byAccount);
      counted.push(...byAccount);
      const account = id === undefined ? found : await find();
      failed = !(await this.passwords.matches(password, account, client, 'guess', release));
      return { account, right: !failed };
    } finally {
      release();
      if (!failed) await this.limits.giveBack(...counted);
    }
  }
}

/** A name that no account has, normalized as the database compares it: without case, accents and trailing spaces. */
function spelling(name: string): string {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().trimEnd();
  return createHash('sha256').update(plain).digest('base64url');
}
