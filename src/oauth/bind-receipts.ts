import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { RedisClock } from '../redis/redis-clock.js';
import { Script } from '../redis/script.js';
import { BindGrant } from './bind-token.service.js';

/** The fields that identify a bind request, except its password. */
export interface BindRequestMark {
  readonly mobile: string;
  readonly smsCode: string;
}

/** The stored receipt of the last bind of a QQ that reached its commit. */
interface Receipt {
  readonly tokenId: string;
  readonly mark: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A QQ to unbind. */
interface UnboundQq {
  readonly openid: string;
  /** Null if unknown. */
  readonly unionid: string | null;
}

/** Milliseconds in which the answer to a bind can be asked for again. */
const REPEATABLE_FOR = 300_000;

/**
 * Writes a receipt and returns 1. Returns 0 if the QQ was unbound after the token was issued (ARGV[2], ms). Separate
 * hash fields: writing a receipt must not overwrite `unboundAt`.
 */
export const WRITE_RECEIPT = new Script(`
  local unbound = redis.call('HGET', KEYS[1], 'unboundAt')
  if unbound and tonumber(ARGV[2]) <= tonumber(unbound) then return 0 end
  redis.call('HSET', KEYS[1], 'receipt', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return 1`);

const CLOSE = new Script(`
  redis.call('HSET', KEYS[1], 'unboundAt', ARGV[1])
  return redis.call('EXPIRE', KEYS[1], ARGV[2])`);

/**
 * The receipt of each QQ's last bind. It is written inside the bind's transaction: the unique index lets one bind of a
 * QQ through at a time, so two never write at once. A receipt alone proves nothing. Its bind is done only if the QQ's
 * row is in the database too. It contains a keyed hash of mobile and code, and no password; the password is compared
 * with the account's.
 */
@Injectable()
export class BindReceipts {
  /** The first key writes receipts. Receipts of the previous secret's key are still read. */
  private readonly keys: Buffer[];

  constructor(
    private readonly redis: Redis,
    private readonly clock: RedisClock,
    private readonly config: Config,
  ) {
    this.keys = config.keysFor('bind receipts');
  }

  /**
   * How the token's QQ was last bound: `same` by this same request within five minutes, `used` by another request with
   * this token, `void` if the QQ was unbound after the token was issued. One command; two with `QQ_UNIONID`.
   */
  async look(grant: BindGrant, request: BindRequestMark): Promise<'none' | 'same' | 'used' | 'void'> {
    if (await this.unboundByAnyApp(grant)) return 'void';
    const seen = await Promise.all(this.keys.map((key) => this.lookBy(key, grant, request)));
    return seen.find((word) => word !== 'none') ?? 'none';
  }

  /**
   * Writes the receipt of a bind. One command; two with `QQ_UNIONID`.
   * @throws Problem BIND_TOKEN_INVALID when the QQ was unbound after the token was issued
   */
  async write(grant: BindGrant, request: BindRequestMark): Promise<void> {
    if (await this.unboundByAnyApp(grant)) throw new Problem('BIND_TOKEN_INVALID');
    const { identity, tokenId, issuedAt } = grant;
    const receipt: Receipt = { tokenId, mark: markOf(request, this.keys[0]!), at: Date.now() };
    const name = nameOf(identity.openid, this.keys[0]!);
    const values = [JSON.stringify(receipt), issuedAt, this.config.BIND_TOKEN_TTL];
    const written = await WRITE_RECEIPT.run(this.redis, [name], ...values);
    if (written === 0) throw new Problem('BIND_TOKEN_INVALID');
  }

  /** Makes every bind token of this QQ that exists now invalid, including those for other app ids. */
  async close({ openid, unionid }: UnboundQq): Promise<void> {
    // By Redis's clock, like the moments in the tokens: different servers may issue and unbind.
    const at = await this.clock.now();
    const names = [openid, ...(unionid === null ? [] : [ofAllApps(unionid)])];
    await Promise.all(
      names.map((name) =>
        CLOSE.run(this.redis, [nameOf(name, this.keys[0]!)], at, this.config.BIND_TOKEN_TTL),
      ),
    );
  }

  /** Whether the QQ was unbound after the token was issued, under any of its app ids. */
  private async unboundByAnyApp({ identity: { unionid }, issuedAt }: BindGrant): Promise<boolean> {
    if (unionid === undefined) return false;
    const moments = await Promise.all(
      this.keys.map((key) => this.redis.hget(nameOf(ofAllApps(unionid), key), 'unboundAt')),
    );
    return moments.some((unboundAt) => unboundAt !== null && issuedAt <= Number(unboundAt));
  }

  private async lookBy(
    key: Buffer,
    { identity, tokenId, issuedAt }: BindGrant,
    request: BindRequestMark,
  ): Promise<'none' | 'same' | 'used' | 'void'> {
    const [kept, unboundAt] = await this.redis.hmget(nameOf(identity.openid, key), 'receipt', 'unboundAt');
    if (unboundAt && issuedAt <= Number(unboundAt)) return 'void';
    if (!kept) return 'none';
    const receipt = JSON.parse(kept) as Receipt;
    if (receipt.tokenId !== tokenId) return 'none';
    return receipt.mark === markOf(request, key) && Date.now() - receipt.at < REPEATABLE_FOR
      ? 'same'
      : 'used';
  }
}

const markOf = ({ mobile, smsCode }: BindRequestMark, key: Buffer): string =>
  hash(`${mobile} ${smsCode}`, key);
/** `qq` is an openid, or the name of a QQ for all its app ids. */
const nameOf = (qq: string, key: Buffer): string => `qq:bind:${hash(qq, key)}`;
const ofAllApps = (unionid: string): string => `unionid ${unionid}`;

function hash(text: string, key: Buffer): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}
