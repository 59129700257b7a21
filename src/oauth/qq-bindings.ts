import { Injectable, Logger } from '@nestjs/common';
import { DataSource, EntityManager, In } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { insertRow, sqlTime } from '../database/insert-row.js';
import { violatedUnique } from '../database/unique-violation.js';
import {
  ACCOUNT_COLUMNS,
  accountOf,
  AccountRow,
  AccountWithPassword,
  UsersService,
} from '../users/users.service.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqIdentity } from './qq-client.js';
import { readSettled } from './read-settled.js';

/** A binding and its account, as one row. */
interface BoundRow extends AccountRow {
  readonly bindingId: number;
  readonly openid: string;
  readonly unionid: string | null;
  readonly qqUnionid: string | null;
}

/** Written by hand, like the account's own: every login of a bound QQ is this statement. */
const SELECT_BOUND = `
  SELECT q.id AS bindingId, q.openid, q.unionid, q.qq_unionid AS qqUnionid, ${ACCOUNT_COLUMNS}
  FROM tb_oauth_qq q INNER JOIN tb_users u ON u.id = q.user_id
  WHERE `;
const ADD = `
  INSERT INTO tb_oauth_qq (create_time, update_time, openid, unionid, qq_unionid, nickname, user_id)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const BY_OPENID = `${SELECT_BOUND} q.openid = ?`;
/** Three index look-ups in one statement. */
const BY_OPENID_OR_UNIONID = [`q.openid = ?`, `q.unionid = ?`, `q.qq_unionid = ?`]
  .map((condition) => SELECT_BOUND + condition)
  .join(' UNION ');

/** The bindings of QQs to accounts: `tb_oauth_qq`. */
@Injectable()
export class QqBindings {
  private readonly logger = new Logger(QqBindings.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * The account of a QQ, found by openid or unionid. A missing one of the two is stored. One statement, unless
   * something is stored.
   * @throws Problem QQ_CONFLICT when openid and unionid belong to different accounts
   */
  async findAccount(identity: QqIdentity, client: Client): Promise<AccountWithPassword | undefined> {
    const { openid, unionid } = identity;
    const rows =
      unionid === undefined
        ? await this.dataSource.query<BoundRow[]>(BY_OPENID, [openid])
        : await this.dataSource.query<BoundRow[]>(BY_OPENID_OR_UNIONID, [openid, unionid, unionid]);
    const byOpenid = rows.find((row) => row.openid === openid);
    const byUnionid =
      unionid === undefined
        ? undefined
        : rows.find((row) => row.unionid === unionid || row.qqUnionid === unionid);
    const found = byOpenid ?? byUnionid;
    if (!found) return undefined;
    if (byOpenid && byUnionid && byOpenid.id !== byUnionid.id) {
      const line = { requestId: client.requestId, byOpenid: byOpenid.id, byUnionid: byUnionid.id };
      this.logger.error('QQ is bound to two accounts', line);
      throw new Problem('QQ_CONFLICT', { userId: byOpenid.id });
    }
    const known = unionid === undefined || byOpenid?.qqUnionid != null;
    if (known || !found.isActive) return accountOf(found);
    return (await this.fillIn(identity, found, client)) ? accountOf(found) : undefined;
  }

  /** The account of a QQ, after every transaction that is binding it has ended. */
  async awaitAccount({ openid }: QqIdentity): Promise<AccountWithPassword | undefined> {
    const [row] = await readSettled<BoundRow>(this.dataSource, BY_OPENID, [openid]);
    return row && accountOf(row);
  }

  /**
   * Binds a QQ to an account. The unique indexes decide whether it was the first.
   * @throws Problem QQ_ALREADY_BOUND
   */
  async add(
    { openid, unionid, nickname }: QqIdentity,
    userId: number,
    tx: EntityManager,
  ): Promise<OAuthQQUser> {
    const now = new Date();
    const binding = Object.assign(new OAuthQQUser(), {
      openid,
      unionid: unionid ?? null,
      qqUnionid: unionid ?? null,
      nickname: nickname ?? null,
      userId,
      createTime: now,
      updateTime: now,
    });
    const time = sqlTime(now);
    const values = [time, time, openid, binding.unionid, binding.qqUnionid, binding.nickname, userId];
    try {
      binding.id = await insertRow(tx, ADD, values);
      return binding;
    } catch (cause) {
      if (violatedUnique(cause)) throw new Problem('QQ_ALREADY_BOUND', { cause, userId });
      throw cause;
    }
  }

  /** The account's bindings, oldest first. */
  async of(userId: number): Promise<OAuthQQUser[]> {
    return this.dataSource.getRepository(OAuthQQUser).find({ where: { userId }, order: { id: 'ASC' } });
  }

  /**
   * The bindings of an account that may log in.
   * @throws Problem LOGIN_REQUIRED if it is disabled or gone
   */
  async ofActive(userId: number): Promise<OAuthQQUser[]> {
    const account = await this.users.findById(userId);
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    return this.of(userId);
  }

  /**
   * Removes a QQ from a locked account: its rows of all app ids, because any row left would still log in.
   * @returns the removed rows; none if the account has no such binding
   */
  async removeQq(id: number, userId: number, tx: EntityManager): Promise<OAuthQQUser[]> {
    const rows = await tx.find(OAuthQQUser, { where: { userId } });
    const qq = rows.find((row) => row.id === id);
    if (!qq) return [];
    const unionid = qq.qqUnionid ?? qq.unionid;
    const same = rows.filter(
      (row) => row === qq || (unionid !== null && (row.qqUnionid === unionid || row.unionid === unionid)),
    );
    await tx.delete(OAuthQQUser, { id: In(same.map((row) => row.id)), userId });
    return same;
  }

  /** Removes every QQ of a locked account. */
  async removeAll(userId: number, tx: EntityManager): Promise<OAuthQQUser[]> {
    const rows = await tx.find(OAuthQQUser, { where: { userId } });
    if (rows.length > 0) await tx.delete(OAuthQQUser, { userId });
    return rows;
  }

  /**
   * Stores what QQ newly says about a bound QQ: the unionid of an openid, or the openid of another app. One row of the
   * QQ holds `unionid`, which its index keeps unique. Each row holds `qq_unionid`.
   * @returns false when the QQ was unbound in the meantime; then nothing is written
   */
  private async fillIn({ openid, unionid }: QqIdentity, basis: BoundRow, client: Client): Promise<boolean> {
    const { id: userId, bindingId } = basis;
    try {
      return await this.dataSource.transaction(async (tx) => {
        // An unbinding locks the account too. After it, the row that this login found is gone.
        await this.users.hold({ id: userId }, tx);
        const rows = await tx.find(OAuthQQUser, { where: { userId } });
        if (!rows.some((row) => row.id === bindingId)) return false;
        const holder = rows.some((row) => row.unionid === unionid);
        const own = rows.find((row) => row.openid === openid);
        const fields = { qqUnionid: unionid!, ...(!holder && { unionid: unionid! }) };
        // Rows from before the column `qq_unionid` only have the unionid.
        await tx.update(OAuthQQUser, { userId, unionid: unionid! }, { qqUnionid: unionid! });
        if (own) {
          await tx.update(OAuthQQUser, { id: own.id, userId }, { ...fields, updateTime: new Date() });
          return true;
        }
        const now = new Date();
        const row = { openid, userId, createTime: now, updateTime: now, unionid: null, ...fields };
        await tx.insert(OAuthQQUser, row);
        await this.trail.record([{ event: 'bound', via: 'qq', userId, openid, client }], tx);
        return true;
      });
    } catch (error) {
      const lostRace = violatedUnique(error) !== undefined;
      if (!lostRace) throw error;
      // Another login stored it at the same moment. A conflict with another account shows at the next login.
      this.logger.warn('QQ was filled in by another login', { requestId: client.requestId, userId });
      return true;
    }
  }
}

/** The QQ of a row, by the names that every row of it has. */
export function unboundQq({ openid, qqUnionid, unionid }: OAuthQQUser) {
  return { openid, unionid: qqUnionid ?? unionid };
}
