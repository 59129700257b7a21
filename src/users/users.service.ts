import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { EntityManager, Repository } from 'typeorm';
import { MOBILE } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { insertRow, sqlTime } from '../database/insert-row.js';
import { violatedUnique } from '../database/unique-violation.js';
import { HashRenewals } from './hash-renewals.js';
import { User } from './user.entity.js';

/** An account without its password, as it may be shown. */
export type Account = Pick<User, 'id' | 'username' | 'mobile' | 'email' | 'emailActive' | 'isActive'>;
/** With the encoded password, only for comparing. */
export type AccountWithPassword = Account & Pick<User, 'password'>;

/** The data of a new account. */
export interface NewAccount {
  /** Missing: the mobile, or an invented name if another account has that one. */
  readonly username?: string;
  readonly mobile: string;
  /** Encoded by PasswordHasher, or UNUSABLE_PASSWORD. */
  readonly password: string;
}

/** The state that an account must still have when a transaction changes it. Missing fields are not compared. */
export interface Held {
  readonly id: number;
  readonly mobile?: string;
  /** Encoded, as it was when it was compared. */
  readonly password?: string;
  /** For the support desk: also accepts a disabled account. */
  readonly disabledToo?: boolean;
}

/** Django's mark for an account without a password: it matches nothing. */
export const UNUSABLE_PASSWORD = '!';

/** Whether the account has a password. */
export const hasPassword = ({ password }: Pick<User, 'password'>): boolean =>
  !password.startsWith(UNUSABLE_PASSWORD);

/** The columns of {@link AccountRow}. Statements of the hot paths are written by hand: TypeORM's builder costs more. */
export const ACCOUNT_COLUMNS =
  'u.id, u.username, u.mobile, u.email, u.password, u.email_active AS emailActive, u.is_active AS isActive';
const SELECT = `SELECT ${ACCOUNT_COLUMNS} FROM tb_users u WHERE`;
const BY_ID = `${SELECT} u.id = ?`;
const BY_MOBILE = `${SELECT} u.mobile = ?`;
const BY_USERNAME = `${SELECT} u.username = ?`;
/** Two look-ups by index. With OR, a database that is sharded would ask every shard. */
const BY_MOBILE_OR_USERNAME = `${BY_MOBILE} UNION ${BY_USERNAME}`;
const ADD = `
  INSERT INTO tb_users (password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active,
    date_joined, mobile, email_active, default_address_id)
  VALUES (?, NULL, 0, ?, '', '', '', 0, 1, ?, ?, 0, NULL)`;

/** A row of `tb_users`. The drivers give numbers for booleans. */
export interface AccountRow extends Omit<AccountWithPassword, 'emailActive' | 'isActive'> {
  readonly emailActive: number;
  readonly isActive: number;
}

export function accountOf(row: AccountRow): AccountWithPassword {
  const { id, username, mobile, email, password } = row;
  const [emailActive, isActive] = [Boolean(row.emailActive), Boolean(row.isActive)];
  return { id, username, mobile, email, password, emailActive, isActive };
}

/** The accounts: `tb_users`. */
@Injectable()
export class UsersService {
  constructor(
    private readonly renewals: HashRenewals,
    @InjectRepository(User) private readonly users: Repository<User>,
  ) {}

  async findById(id: number): Promise<Account | null> {
    const [found] = await this.select(BY_ID, id);
    if (!found) return null;
    const { username, mobile, email, emailActive, isActive } = found;
    return { id, username, mobile, email, emailActive, isActive };
  }

  async findWithPassword(id: number): Promise<AccountWithPassword | null> {
    return (await this.select(BY_ID, id))[0] ?? null;
  }

  async findByMobile(mobile: string): Promise<AccountWithPassword | null> {
    return (await this.select(BY_MOBILE, mobile))[0] ?? null;
  }

  /**
   * Finds an account by username or mobile. A mobile wins over an equal username, because its owner has proved the
   * phone.
   */
  async findByName(name: string): Promise<AccountWithPassword | undefined> {
    const found = MOBILE.test(name)
      ? await this.select(BY_MOBILE_OR_USERNAME, name, name)
      : await this.select(BY_USERNAME, name);
    return found.find((account) => account.mobile === name) ?? found[0];
  }

  /**
   * Locks the account's row until the transaction ends, and compares it with what was proved before. A proof becomes
   * invalid if the password or mobile changed, or the account was closed, while its request waited for a hash.
   * @throws Problem ACCOUNT_DISABLED when it is disabled or gone; PASSWORD_INVALID when its password changed;
   *   SMS_CODE_INVALID when its mobile changed, so that the code proves nothing about it any more
   */
  async hold({ id, mobile, password, disabledToo = false }: Held, tx: EntityManager): Promise<void> {
    // SQLite has no row locks. Its transactions run one after the other.
    const lock = tx.connection.options.type === 'mysql' ? ' FOR UPDATE' : '';
    const [row] = await tx.query<LockedRow[]>(
      `SELECT mobile, password, is_active AS isActive FROM tb_users WHERE id = ?${lock}`,
      [id],
    );
    if (!row || !(row.isActive || disabledToo)) throw new Problem('ACCOUNT_DISABLED', { userId: id });
    const changed = password !== undefined && row.password !== password;
    if (changed && !(await this.renewals.isRenewal(id, password, row.password))) {
      throw new Problem('PASSWORD_INVALID', { userId: id });
    }
    if (mobile !== undefined && row.mobile !== mobile) throw new Problem('SMS_CODE_INVALID', { userId: id });
  }

  /**
   * Writes a new account. The unique indexes decide which of two was first.
   * @throws Problem MOBILE_TAKEN, USERNAME_TAKEN
   */
  async add({ username, mobile, password }: NewAccount, tx: EntityManager): Promise<Account> {
    const name = username ?? mobile;
    try {
      const id = await insertRow(tx, ADD, [password, name, sqlTime(new Date()), mobile]);
      return { id, username: name, mobile, email: '', emailActive: false, isActive: true };
    } catch (cause) {
      const taken = violatedUnique(cause);
      if (taken === 'mobile') throw new Problem('MOBILE_TAKEN', { cause });
      if (taken !== 'username') throw cause;
      // Another account may use this mobile as its username. That must not prevent its owner from getting an account.
      if (username === undefined) return this.add({ username: inventedName(), mobile, password }, tx);
      throw new Problem('USERNAME_TAKEN', { cause });
    }
  }

  /**
   * Throws early what the unique indexes would cause after an expensive hash.
   * @throws Problem USERNAME_TAKEN, MOBILE_TAKEN
   */
  async refuseTaken(username: string, mobile: string): Promise<void> {
    const taken = await this.select(BY_MOBILE_OR_USERNAME, mobile, username);
    if (taken.some((account) => account.mobile === mobile)) throw new Problem('MOBILE_TAKEN');
    if (taken.length > 0) throw new Problem('USERNAME_TAKEN');
  }

  /**
   * Changes the mobile of a locked account. A username equal to the old mobile changes too: that number may soon belong
   * to another person.
   * @throws Problem MOBILE_TAKEN
   */
  async setMobile(account: Account, mobile: string, tx: EntityManager): Promise<void> {
    const { id } = account;
    const named = account.username === account.mobile;
    const username = named && (await tx.existsBy(User, { username: mobile })) ? inventedName() : mobile;
    try {
      await tx.update(User, { id }, { mobile, ...(named && { username }) });
    } catch (cause) {
      if (violatedUnique(cause)) throw new Problem('MOBILE_TAKEN', { cause, userId: id });
      throw cause;
    }
  }

  /** Removes personal data from the row of a locked account, so that nobody can log in to it. */
  async close(id: number, tx: EntityManager): Promise<void> {
    await tx.update(
      User,
      { id },
      {
        // No valid mobile or username looks like these. The mobile column holds 11 characters.
        mobile: `c${String(id).padStart(10, '0')}`,
        username: `closed:${id}`,
        password: UNUSABLE_PASSWORD,
        firstName: '',
        lastName: '',
        email: '',
        emailActive: false,
        isActive: false,
        isStaff: false,
        isSuperuser: false,
      },
    );
  }

  async setActive(id: number, active: boolean, tx: EntityManager): Promise<void> {
    await tx.update(User, { id }, { isActive: active });
  }

  async setPassword(id: number, encoded: string, tx: EntityManager): Promise<void> {
    await tx.update(User, { id }, { password: encoded });
  }

  private async select(sql: string, ...values: (string | number)[]): Promise<AccountWithPassword[]> {
    return (await this.users.query<AccountRow[]>(sql, values)).map(accountOf);
  }
}

interface LockedRow {
  readonly mobile: string;
  readonly password: string;
  readonly isActive: number | boolean;
}

function inventedName(): string {
  return `qq_${randomBytes(6).toString('hex')}`;
}
