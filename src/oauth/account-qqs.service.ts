import { Injectable, Logger } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { Login } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Limits } from '../limits/limits.js';
import { AccountChanges, Change } from '../users/account-changes.js';
import { PasswordProofs } from '../users/password-proofs.js';
import { BindReceipts } from './bind-receipts.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqBindings, unboundQq } from './qq-bindings.js';

/** A bound QQ as its owner sees it. */
export interface BoundQq {
  readonly id: number;
  readonly boundAt: Date;
  readonly lastLoginAt: Date | null;
  readonly nickname: string | null;
  /** The last characters of the openid: enough to tell two bindings apart. */
  readonly openidHint: string;
}

/** The QQs of an account: listing them, and unbinding one. */
@Injectable()
export class AccountQqsService {
  private readonly logger = new Logger(AccountQqsService.name);

  constructor(
    private readonly bindings: QqBindings,
    private readonly changes: AccountChanges,
    private readonly limits: Limits,
    private readonly proofs: PasswordProofs,
    private readonly receipts: BindReceipts,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * One entry for each QQ, whatever the number of its app ids; the first bound comes first.
   * @throws Problem LOGIN_REQUIRED if the account is disabled or gone, TOO_MANY_REQUESTS
   */
  async list(userId: number): Promise<BoundQq[]> {
    await this.limits.take({ 'lists-per-account': String(userId) });
    const rows = await this.bindings.ofActive(userId);
    return Promise.all([...groups(rows).values()].map((ofOneQq) => this.bound(userId, ofOneQq)));
  }

  /**
   * Unbinds a QQ for every app id, and ends the account's logins and the QQ's bind tokens.
   * @throws Problem NOT_FOUND, PASSWORD_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async unbind(id: number, login: Login, password: string, client: Client): Promise<void> {
    const account = await this.proofs.confirm(login.userId, password, client);
    const openid = (await this.bindings.of(account.id)).find((row) => row.id === id)?.openid;
    if (openid === undefined) throw new Problem('NOT_FOUND');
    const event = { event: 'unbound', via: 'password', client, openid } as const;
    await this.remove(id, { account, login, event });
  }

  /**
   * Unbinds a QQ after the proofs were checked, or for the support desk.
   * @throws Problem NOT_FOUND when the account has no binding of this id
   */
  async remove(id: number, change: Change): Promise<void> {
    const { id: userId } = change.account;
    await this.changes.commit(change, async (tx) => {
      const removed = await this.bindings.removeQq(id, userId, tx);
      if (removed.length === 0) throw new Problem('NOT_FOUND');
      await Promise.all(removed.map((row) => this.receipts.close(unboundQq(row))));
    });
    this.logger.log('QQ unbound', { requestId: change.event.client.requestId, userId });
  }

  /** The account's binding rows, for the support desk. */
  async rows(userId: number): Promise<OAuthQQUser[]> {
    return this.bindings.of(userId);
  }

  private async bound(userId: number, [first, ...others]: readonly OAuthQQUser[]): Promise<BoundQq> {
    const { id, createTime, openid, nickname } = first!;
    const logins = await Promise.all(
      [openid, ...others.map((row) => row.openid)].map((one) => this.trail.lastLogin(userId, one)),
    );
    const times = logins.filter((at) => at !== null).map(Number);
    const lastLoginAt = times.length > 0 ? new Date(Math.max(...times)) : null;
    return { id, boundAt: createTime, lastLoginAt, nickname, openidHint: hintOf(openid) };
  }
}

/** A QQ that was just bound. */
export function newlyBound({ id, createTime, openid, nickname }: OAuthQQUser): BoundQq {
  return { id, boundAt: createTime, lastLoginAt: null, nickname, openidHint: hintOf(openid) };
}

function groups(rows: readonly OAuthQQUser[]): Map<string, OAuthQQUser[]> {
  const byQq = new Map<string, OAuthQQUser[]>();
  for (const row of rows) {
    const qq = row.qqUnionid ?? row.unionid ?? row.openid;
    byQq.set(qq, [...(byQq.get(qq) ?? []), row]);
  }
  return byQq;
}

const hintOf = (openid: string): string => `****${openid.slice(-4)}`;
