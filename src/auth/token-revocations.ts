import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';

/** What is looked at to know whether a token has ended. */
interface Revocable {
  readonly userId: number;
  readonly tokenId: string;
  readonly asOf: number;
  readonly expiresAt: number;
}

/** Seconds that "every token until now" is remembered: the longest that `JWT_TTL` may be. */
const REMEMBERED = 31 * 86_400;

/** The later moment wins, whichever server's clock it came from. */
const END_ALL = `
  local known = redis.call('GET', KEYS[1])
  if known and tonumber(known) > tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return 1`;

/**
 * Which login tokens have ended before their time: a key for each, and one for all of an account until a moment. The
 * braces put an account's keys into one slot of a Redis Cluster, so that one MGET reads both.
 */
@Injectable()
export class TokenRevocations {
  constructor(private readonly redis: Redis) {}

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
    const left = Math.ceil(expiresAt - Date.now() / 1000) + 1;
    await this.redis.set(oneKey(userId, tokenId), 1, 'EX', Math.max(1, left));
  }

  /** Ends every token of an account up to this millisecond. */
  async addAll(userId: number): Promise<void> {
    await this.redis.eval(END_ALL, 1, allKey(userId), Date.now(), REMEMBERED);
  }
}

const allKey = (userId: number): string => `qq:ended_tokens:{${userId}}`;
const oneKey = (userId: number, tokenId: string): string => `qq:ended_tokens:{${userId}}:${tokenId}`;
