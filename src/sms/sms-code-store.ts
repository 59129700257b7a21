import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Script } from '../redis/script.js';

/** Seconds that a code lives. */
export const SMS_CODE_TTL = 300;
const TRIES = 5;
/** Milliseconds that a code's tries are kept after the code expires. */
const TRIES_OUTLIVE = 5000;
/** Milliseconds that the tries of a code without expiry are kept; another service may write such a code. */
const TRIES_OF_ENDLESS = 3_600_000;
/** Milliseconds by which two readings of one code's expiry may differ: each put-back rounds it. */
const SAME_CODE_WITHIN = 1000;

// The scripts read a code's remaining life from Redis. An expiry computed by a process that stalls would move.

/** Writes a value and keeps the key's expiry, if it has one. */
const SET_KEEPING_LIFE = `
  local function setKeepingLife(value)
    local left = redis.call('PTTL', KEYS[1])
    if left < 0 then redis.call('SET', KEYS[1], value)
    else redis.call('SET', KEYS[1], value, 'PX', math.max(left, 1)) end
  end`;

/**
 * Counts a try and returns the code to compare it with. Returns '' if no try can succeed: there is no code, it is
 * spent, or it has had five tries. KEYS[2] counts the tries of one code and expires with it. A code with a later expiry
 * was sent again with the same digits: its tries start at zero.
 */
export const TRY = new Script(`
  local code = redis.call('GET', KEYS[1])
  if not code or not string.match(code, '^%d%d%d%d%d%d$') then return '' end
  local left = redis.call('PTTL', KEYS[1])
  local known = redis.call('PTTL', KEYS[2]) - ${TRIES_OUTLIVE}
  local same = redis.call('HGET', KEYS[2], 'code') == code and left <= known + ${SAME_CODE_WITHIN}
  local tries = same and tonumber(redis.call('HGET', KEYS[2], 'tries')) or 0
  if tries >= ${TRIES} then return '' end
  redis.call('HSET', KEYS[2], 'code', code, 'tries', tries + 1)
  redis.call('PEXPIRE', KEYS[2], left < 0 and ${TRIES_OF_ENDLESS} or left + ${TRIES_OUTLIVE})
  return code`);

/**
 * Marks the code as spent by one caller. Returns 1 to that caller and 0 to later ones. Nobody can use a mark as a code.
 */
export const SPEND = new Script(`
  ${SET_KEEPING_LIFE}
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  setKeepingLife(ARGV[2])
  return 1`);

/** Puts the code back in place of this caller's mark, with the code's remaining life. */
const PUT_BACK = new Script(`
  ${SET_KEEPING_LIFE}
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  setKeepingLife(ARGV[2])
  return 1`);

/** Writes a new code. Returns the previous value, its remaining life in ms (-1: no expiry), and its tries. */
const REPLACE = new Script(`
  local before = redis.call('GET', KEYS[1])
  local left = redis.call('PTTL', KEYS[1])
  local tried = redis.call('HMGET', KEYS[2], 'code', 'tries')
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ${SMS_CODE_TTL * 1000})
  redis.call('DEL', KEYS[2])
  return {before or '', left, tried[1] or '', tonumber(tried[2] or 0)}`);

/**
 * Puts back what the code ARGV[1] replaced, unless that has been replaced in turn. The time since then is what the life
 * of ARGV[1] has lost.
 */
const RESTORE = new Script(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local left = tonumber(ARGV[3])
  if left >= 0 then left = left - (${SMS_CODE_TTL * 1000} - redis.call('PTTL', KEYS[1])) end
  redis.call('DEL', KEYS[1], KEYS[2])
  if ARGV[2] == '' or left == 0 or left < -1 then return 0 end
  if left < 0 then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', left) end
  if ARGV[4] == '' then return 1 end
  redis.call('HSET', KEYS[2], 'code', ARGV[4], 'tries', ARGV[5])
  redis.call('PEXPIRE', KEYS[2], left < 0 and ${TRIES_OF_ENDLESS} or left + ${TRIES_OUTLIVE})
  return 1`);

/** Deletes this caller's mark, but nothing that was written in its place. */
export const FORGET = new Script(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  return redis.call('DEL', KEYS[1])`);

/** What a new code replaced: the value, its remaining life in ms, the code that was tried, and the number of tries. */
type Before = [value: string, left: number, tried: string, tries: number];

export interface Replaced {
  readonly mobile: string;
  /** The new code. */
  readonly code: string;
  readonly before: Before;
}

/**
 * SMS codes in Redis: `sms_<mobile>` holds the six digits. It is the old shop's key, so that its services can send and
 * read codes too. Each method is one command.
 */
@Injectable()
export class SmsCodeStore {
  constructor(private readonly redis: Redis) {}

  /** Counts a try and returns the code to compare it with; undefined if no try can succeed. */
  async try(mobile: string): Promise<string | undefined> {
    const code = (await TRY.run(this.redis, keysOf(mobile))) as string;
    return code === '' ? undefined : code;
  }

  /** Whether this caller has spent the code, which its mark then replaces. */
  async spend(mobile: string, code: string, mark: string): Promise<boolean> {
    return (await SPEND.run(this.redis, [keyOf(mobile)], code, mark)) === 1;
  }

  async putBack(mobile: string, code: string, mark: string): Promise<void> {
    await PUT_BACK.run(this.redis, [keyOf(mobile)], mark, code);
  }

  async forget(mobile: string, mark: string): Promise<void> {
    await FORGET.run(this.redis, [keyOf(mobile)], mark);
  }

  async replace(mobile: string, code: string): Promise<Replaced> {
    const before = await REPLACE.run(this.redis, keysOf(mobile), code);
    return { mobile, code, before: before as Before };
  }

  async restore({ mobile, code, before }: Replaced): Promise<void> {
    await RESTORE.run(this.redis, keysOf(mobile), code, ...before);
  }
}

const keyOf = (mobile: string): string => `sms_${mobile}`;
/** The keys of the code and of its tries. The braces put both into one slot of a Redis Cluster. */
const keysOf = (mobile: string): [string, string] => [keyOf(mobile), `qq:sms_tries:{sms_${mobile}}`];
