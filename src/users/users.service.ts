import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { EntityManager, Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { Limits, Uses } from '../limits/limits.js';
import { MOBILE } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { HashRenewals } from './hash-renewals.js';
import { PasswordHasher } from './password-hasher.js';
import { violatedUnique } from '../database/unique-violation.js';
import { User } from './user.entity.js';

/** An account as others see it: without its password. */
export type Account = Pick<User, 'id' | 'username' | 'mobile' | 'email' | 'emailActive' | 'isActive'>;
/** With the encoded password, for comparing alone. */
export type AccountWithPassword = Account & Pick<User, 'password'>;

/** What it takes to write an account. */
export interface NewAccount {
  /** Missing: the mobile, or another name where somebody has that one. */
  readonly username?: string;
  readonly mobile: string;
  /** Encoded by PasswordHasher. */
  readonly password: string;
}

/** An account that proved itself, and when it was read: what a login token is made of. */
export interface Proven {
  readonly account: Account;
  /** Milliseconds since the epoch. */
  readonly asOf: number;
}

const FIELDS = {
  id: true,
  username: true,
  mobile: true,
  email: true,
  emailActive: true,
  isActive: true,
} as const;

@Injectable()
export class UsersService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly passwords: PasswordHasher,
    private readonly renewals: HashRenewals,
    private readonly limits: Limits,
  ) {}

  async findById(id: number): Promise<Account | null> {
    return this.users.findOne({ select: FIELDS, where: { id } });
  }

  async findByMobile(mobile: string): Promise<AccountWithPassword | null> {
    return this.users.findOne({ select: { ...FIELDS, password: true }, where: { mobile } });
  }

  /**
   * Writes a new account. The unique indexes decide who was first.
   * @throws Problem MOBILE_TAKEN, USERNAME_TAKEN
   */
  async register({ username, mobile, password }: NewAccount, tx: EntityManager): Promise<Account> {
    const account = Object.assign(new User(), {
      username: username ?? mobile,
      mobile,
      password,
      dateJoined: new Date(),
    });
    try {
      await tx.insert(User, account);
      return account;
    } catch (cause) {
      const taken = violatedUnique(cause);
      if (taken === 'mobile') throw new Problem('MOBILE_TAKEN', { cause });
      if (taken !== 'username') throw cause;
      // Somebody may have taken this person's mobile as a name; that must not keep its owner out.
      if (username === undefined) return this.register({ username: inventedName(), mobile, password }, tx);
      throw new Problem('USERNAME_TAKEN', { cause });
    }
  }

  /**
   * Says early what the unique indexes would say after an expensive hash.
   * @throws Problem USERNAME_TAKEN, MOBILE_TAKEN
   */
  async refuseTaken(username: string, mobile: string): Promise<void> {
    const taken = await this.users.find({ select: { mobile: true }, where: [{ username }, { mobile }] });
    if (taken.some((account) => account.mobile === mobile)) throw new Problem('MOBILE_TAKEN');
    if (taken.length > 0) throw new Problem('USERNAME_TAKEN');
  }

  /**
   * The account behind a name (or mobile) and a password; counted before the password is looked at.
   * @throws Problem CREDENTIALS_INVALID, ACCOUNT_DISABLED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async login(name: string, password: string, client: Client): Promise<Proven> {
    const asOf = Date.now();
    const account = await this.findByName(name);
    const right = await this.guess(password, account, account?.id ?? spelling(name), client);
    if (!right || !account) throw new Problem('CREDENTIALS_INVALID', { userId: account?.id });
    if (!account.isActive) throw new Problem('ACCOUNT_DISABLED', { userId: account.id });
    if (!this.passwords.isCurrent(account.password)) this.renewals.renewLater(account, password);
    return { account, asOf };
  }

  /**
   * Asks a logged-in person for the password again; a guess counts as one at the login does.
   * @throws Problem PASSWORD_INVALID, LOGIN_REQUIRED when the account is disabled or gone, TOO_MANY_REQUESTS, OVERLOADED
   */
  async confirmPassword(id: number, password: string, client: Client): Promise<AccountWithPassword> {
    const account = await this.users.findOne({ select: { ...FIELDS, password: true }, where: { id } });
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    if (!(await this.guess(password, account, id, client))) {
      throw new Problem('PASSWORD_INVALID', { userId: id });
    }
    return account;
  }

  /**
   * Whether the password is right. Counted for the account however its name is spelt, and apart for each place, so
   * that a stranger's failures are not the owner's; a failure until it is known to be right, or not looked at.
   */
  private async guess(
    password: string,
    account: AccountWithPassword | undefined,
    counted: number | string,
    client: Client,
  ): Promise<boolean> {
    const { network } = client;
    const here: Uses = {
      'login-failures-per-account-and-ip': `${counted}@${network}`,
      'login-failures-per-ip': network,
    };
    const anywhere: Uses = { 'login-failures-per-account': String(counted) };
    // What is refused for the place never comes as far as the count that shuts the owner out too.
    await this.limits.take({ ...here, 'password-checks-per-ip': network }, anywhere);
    let failed = false;
    try {
      failed = !(await this.passwords.matches(password, account, client));
      return !failed;
    } finally {
      if (!failed) await this.limits.giveBack(here, anywhere);
    }
  }

  /** The mobile wins over a username that looks like it: its owner has shown the phone. */
  private async findByName(name: string): Promise<AccountWithPassword | undefined> {
    const where = MOBILE.test(name) ? [{ mobile: name }, { username: name }] : { username: name };
    const found = await this.users.find({ select: { ...FIELDS, password: true }, where });
    return found.find((account) => account.mobile === name) ?? found[0];
  }
}

/** A name that nobody has, as the database would compare it: without case, accents and trailing spaces. */
function spelling(name: string): string {
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().trimEnd();
  return createHash('sha256').update(plain).digest('base64url');
}

function inventedName(): string {
  return `qq_${randomBytes(6).toString('hex')}`;
}
