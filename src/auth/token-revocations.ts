import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisClock } from '../redis/redis-clock.js';
import { Script } from '../redis/script.js';

/** The fields of a token that decide whether it has ended. */
interface Revocable {
  readonly userId: number;
  readonly tokenId: string;
  /** Milliseconds since the epoch by Redis's clock; for the old shop's tokens by the old shop's clock. */
  readonly asOf: number;
  readonly expiresAt: number;
}

/** Seconds that "every token until now" is remembered. `JWT_TTL` may not be longer. */
const REMEMBERED = 31 * 86_400;

/**
 * Seconds that an ended token is remembered after it expires. A server whose clock is behind still accepts it that
 * long.
 */
const CLOCKS_DIFFER_BY = 300;

/** Seconds, a hundred years: Redis refuses an expiry beyond its own range, which another service's token may have. */
const LONGEST = 100 * 366 * 86_400;

/**
 * KEYS[1] the account's moment, ARGV[1] the new moment, ARGV[2] seconds to remember it. A later moment is kept: two
 * calls may arrive in either order, and the clock may differ after a failover.
 */
const END_ALL = new Script(`
  local known = redis.call('GET', KEYS[1])
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return 1`);

/**
 * Login tokens that ended before they expired: one key for each token, and one for all tokens of an account until a
 * moment. The braces put an account's keys into one slot of a Redis Cluster, so that one MGET reads both.
 */
@Injectable()
export class TokenRevocations {
  constructor(
    private readonly redis: Redis,
    private readonly clock: RedisClock,
  ) {}

  /**
   * The moment to write into a token. It can be compared with a revocation on any server.
   * @param asOf when the proof was made, by this process's clock, in ms since the epoch
   */
  momentOf(asOf: number): number {
    return this.clock.at(asOf);
  }

  /** Whether a token has ended. One command. */
  async covers({ userId, tokenId, asOf }: Revocable): Promise<boolean> {
    const [all, one] = await this.redis.mget(allKey(userId), oneKey(userId, tokenId));
    return Boolean(one) || asOf <= Number(all ?? -1);
  }

  /** Whether every token of the account up to `asOf` (ms since the epoch) has ended. One command. */
  async coversAll(userId: number, asOf: number): Promise<boolean> {
    return asOf <= Number((await this.redis.get(allKey(userId))) ?? -1);
  }

  /** Ends one token until it expires. */
  async add({ userId, tokenId, expiresAt }: Revocable): Promise<void> {
    const left = Math.ceil(expiresAt - Date.now() / 1000) + CLOCKS_DIFFER_BY;
    const seconds = Math.min(Math.max(1, left), LONGEST);
    await this.redis.set(oneKey(userId, tokenId), 1, 'EX', seconds);
  }

  /**
   * Ends every token of an account that was issued up to now, by Redis's clock in ms. The result does not depend on the
   * server that asks.
   */
  async addAll(userId: number): Promise<void> {
    await END_ALL.run(this.redis, [allKey(userId)], await this.clock.now(), REMEMBERED);
  }
}

const allKey = (userId: number): string => `qq:ended_tokens:{${userId}}`;
const oneKey = (userId: number, tokenId: string): string => `qq:ended_tokens:{${userId}}:${tokenId}`;
