import { Injectable, Logger } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { readSettled } from './read-settled.js';
import { violatedUnique } from '../database/unique-violation.js';
import { AccountWithPassword } from '../users/users.service.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqIdentity } from './qq-client.js';

/** A binding and its account, as one row. */
interface BoundRow {
  readonly bindingId: number;
  readonly openid: string;
  readonly unionid: string | null;
  readonly id: number;
  readonly username: string;
  readonly mobile: string;
  readonly email: string;
  readonly password: string;
  readonly emailActive: number | boolean;
  readonly isActive: number | boolean;
}

/** By hand, because every login of a bound QQ is this one statement: the builder and its mapping cost as much again. */
const BOUND = `
  SELECT q.id AS bindingId, q.openid, q.unionid, u.id, u.username, u.mobile, u.email, u.password,
         u.email_active AS emailActive, u.is_active AS isActive
  FROM tb_oauth_qq q INNER JOIN tb_users u ON u.id = q.user_id
  WHERE q.openid = ?`;

/** The bindings of QQs to accounts: `tb_oauth_qq`. */
@Injectable()
export class QqBindings {
  private readonly logger = new Logger(QqBindings.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly events: AccountEvents,
  ) {}

  /**
   * The account of a QQ, by openid or unionid, whichever is known; what is not known yet is filled in.
   * One statement, but where there is something to fill in.
   * @throws Problem QQ_CONFLICT when openid and unionid belong to different accounts
   */
  async findAccount(identity: QqIdentity, client: Client): Promise<AccountWithPassword | undefined> {
    const { openid, unionid } = identity;
    const rows = await this.dataSource.query<BoundRow[]>(...statement(identity));
    const byOpenid = rows.find((row) => row.openid === openid);
    const byUnionid = unionid === undefined ? undefined : rows.find((row) => row.unionid === unionid);
    const found = byOpenid ?? byUnionid;
    if (!found) return undefined;
    if (byOpenid && byUnionid && byOpenid.id !== byUnionid.id) {
      this.logger.error('QQ is bound to two accounts', { byOpenid: byOpenid.id, byUnionid: byUnionid.id });
      throw new Problem('QQ_CONFLICT', { userId: byOpenid.id });
    }
    const complete = unionid === undefined || (byOpenid && (byUnionid || byOpenid.unionid !== null));
    if (!complete && accountOf(found).isActive) await this.fillIn(identity, byOpenid, found.id, client);
    return accountOf(found);
  }

  /**
   * The account of a QQ as it is once every transaction that is about to bind it has ended.
   */
  async awaitAccount({ openid }: QqIdentity): Promise<AccountWithPassword | undefined> {
    const [row] = await readSettled<BoundRow>(this.dataSource, BOUND, [openid]);
    return row && accountOf(row);
  }

  /**
   * Binds a QQ to an account; the unique indexes decide whether it was the first.
   * @throws Problem QQ_ALREADY_BOUND
   */
  async add({ openid, unionid }: QqIdentity, userId: number, tx: EntityManager): Promise<OAuthQQUser> {
    const now = new Date();
    const binding = Object.assign(new OAuthQQUser(), {
      openid,
      unionid: unionid ?? null,
      userId,
      createTime: now,
      updateTime: now,
    });
    try {
      await tx.insert(OAuthQQUser, binding);
      return binding;
    } catch (cause) {
      if (violatedUnique(cause)) throw new Problem('QQ_ALREADY_BOUND', { cause, userId });
      throw cause;
    }
  }

  /** The account's QQs, the first bound first. */
  async of(userId: number): Promise<OAuthQQUser[]> {
    return this.dataSource.getRepository(OAuthQQUser).find({ where: { userId }, order: { id: 'ASC' } });
  }

  /**
   * The unionid of a known openid, or another app's openid of a known unionid. That second row leaves its unionid
   * empty: one row of the account holds it, which keeps it unique.
   */
  private async fillIn(
    { openid, unionid }: QqIdentity,
    byOpenid: BoundRow | undefined,
    userId: number,
    client: Client,
  ): Promise<void> {
    try {
      if (byOpenid) {
        const updateTime = new Date();
        await this.dataSource.manager.update(
          OAuthQQUser,
          { id: byOpenid.bindingId },
          { unionid, updateTime },
        );
        return;
      }
      await this.dataSource.transaction(async (tx) => {
        await this.add({ openid }, userId, tx);
        await this.events.record([{ event: 'bound', via: 'qq', userId, openid, client }], tx);
      });
    } catch (error) {
      const lostRace = error instanceof Problem || violatedUnique(error) !== undefined;
      if (!lostRace) throw error;
      // Somebody filled it in at the same moment; a conflict with another account shows at the next login.
      this.logger.warn('QQ was filled in by another login', { userId });
    }
  }
}

function statement({ openid, unionid }: QqIdentity): [string, string[]] {
  return unionid === undefined ? [BOUND, [openid]] : [`${BOUND} OR q.unionid = ?`, [openid, unionid]];
}

function accountOf({
  id,
  username,
  mobile,
  email,
  password,
  emailActive,
  isActive,
}: BoundRow): AccountWithPassword {
  return {
    id,
    username,
    mobile,
    email,
    password,
    emailActive: Boolean(emailActive),
    isActive: Boolean(isActive),
  };
}
