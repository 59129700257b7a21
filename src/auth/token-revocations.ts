import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../config.js';

/** What is looked at to know whether a token has ended. */
interface Revocable {
  readonly userId: number;
  readonly tokenId: string;
  readonly asOf: number;
  readonly expiresAt: number;
}

/** Seconds that "every token until now" is remembered at least: longer than any token lives that the old shop signed. */
const REMEMBERED = 31 * 86_400;
const ALL = 'all';

/**
 * Notes one token until it expires by itself, and forgets those that have: the hash of an account stays as small
 * as the number of its living, logged-out tokens.
 */
const ADD = `
  local now, expires = tonumber(ARGV[2]), tonumber(ARGV[3])
  local known = redis.call('HGETALL', KEYS[1])
  for i = 1, #known, 2 do
    if known[i] ~= '${ALL}' and tonumber(known[i + 1]) < now then redis.call('HDEL', KEYS[1], known[i]) end
  end
  redis.call('HSET', KEYS[1], ARGV[1], expires)
  if redis.call('TTL', KEYS[1]) < expires - now then redis.call('EXPIRE', KEYS[1], expires - now) end
  return 1`;

/** The later moment wins, whichever server's clock it came from. */
const ADD_ALL = `
  local known = tonumber(redis.call('HGET', KEYS[1], '${ALL}') or '0')
  if known < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], '${ALL}', ARGV[1]) end
  if redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
  return 1`;

/** Which login tokens have ended before their time: one Redis hash an account. */
@Injectable()
export class TokenRevocations {
  private readonly remembered: number;

  constructor(
    private readonly redis: Redis,
    { JWT_TTL }: Config,
  ) {
    this.remembered = Math.max(REMEMBERED, JWT_TTL);
  }

  /** Whether a token has ended. One command. */
  async covers({ userId, tokenId, asOf }: Revocable): Promise<boolean> {
    const [all, one] = await this.redis.hmget(keyOf(userId), ALL, tokenId);
    return one !== null || (all !== null && all !== undefined && asOf <= Number(all));
  }

  /** Ends one token. */
  async add({ userId, tokenId, expiresAt }: Revocable): Promise<void> {
    const now = Math.floor(Date.now() / 1000);
    await this.redis.eval(ADD, 1, keyOf(userId), tokenId, now, Math.ceil(expiresAt) + 1);
  }

  /** Ends every token of an account up to this millisecond. */
  async addAll(userId: number): Promise<void> {
    await this.redis.eval(ADD_ALL, 1, keyOf(userId), Date.now(), this.remembered);
  }
}

const keyOf = (userId: number): string => `door:ended_tokens:${userId}`;
