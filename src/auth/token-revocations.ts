import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisClock } from '../redis/redis-clock.js';
import { Script } from '../redis/script.js';

/** What is looked at to know whether a token has ended. */
interface Revocable {
  readonly userId: number;
  readonly tokenId: string;
  /** Milliseconds since the epoch by Redis's clock; by the old shop's for its tokens. */
  readonly asOf: number;
  readonly expiresAt: number;
}

/** Seconds that "every token until now" is remembered: the longest that `JWT_TTL` may be. */
const REMEMBERED = 31 * 86_400;

/**
 * Seconds that an ended token is remembered beyond its end: a server whose clock is behind takes it for so much longer.
 */
const CLOCKS_DIFFER_BY = 300;

/**
 * KEYS[1] the account's moment, ARGV[1] the new one, ARGV[2] seconds to remember it. A later moment stands: of two at
 * once the second may come first, and after a failover the clock may be another.
 */
const END_ALL = new Script(`
  local known = redis.call('GET', KEYS[1])
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return 1`);

/**
 * Which login tokens have ended before their time: a key for each, and one for all of an account until a moment. The
 * braces put an account's keys into one slot of a Redis Cluster, so that one MGET reads both.
 */
@Injectable()
export class TokenRevocations {
  constructor(
    private readonly redis: Redis,
    private readonly clock: RedisClock,
  ) {}

  /**
   * The moment to write into a token, so that it can be compared with a revocation on any server.
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

  /** Ends one token, until it expires by itself. */
  async add({ userId, tokenId, expiresAt }: Revocable): Promise<void> {
    const left = Math.ceil(expiresAt - Date.now() / 1000) + CLOCKS_DIFFER_BY;
    await this.redis.set(oneKey(userId, tokenId), 1, 'EX', Math.max(1, left));
  }

  /** Ends every token of an account up to this millisecond of Redis's clock, whichever server asks. */
  async addAll(userId: number): Promise<void> {
    await END_ALL.run(this.redis, [allKey(userId)], await this.clock.now(), REMEMBERED);
  }
}

const allKey = (userId: number): string => `qq:ended_tokens:{${userId}}`;
const oneKey = (userId: number, tokenId: string): string => `qq:ended_tokens:{${userId}}:${tokenId}`;
