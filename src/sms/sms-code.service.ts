import { randomInt, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Limits, Uses } from '../limits/limits.js';
import { maskMobile } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { SmsGateway } from './sms-gateway.js';

/** Seconds a code lives. */
export const SMS_CODE_TTL = 300;
/** Seconds until the same mobile may ask again. */
export const SMS_RESEND_AFTER = 60;
const TRIES = 5;
/** Seconds that the tries of a code are remembered: beyond the life of any code, whoever wrote it. */
const TRIES_TTL = 3600;
/** Milliseconds by which two readings of the same code's end may differ: clocks and the network between them. */
const SAME_CODE_WITHIN = 5000;
/** Milliseconds a code is put back for when it is not known what was left of it. */
const UNKNOWN_REMAINDER = 60_000;
/** Milliseconds between two tries to put a code back, and how many: for as long as a code lives. */
const PUT_BACK_EVERY = 200;
const PUT_BACK_TRIES = (SMS_CODE_TTL * 1000) / PUT_BACK_EVERY;

/** The code and what is left of its life in ms. */
const READ = `
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`;

/**
 * Counts one try at one code and returns how many there were. A code that ends later than the one counted so far
 * has been sent anew with the same digits: it has its own tries. An older reading that comes late counts too, so
 * no order of requests wins a sixth try.
 */
const TRY = `
  local known = tonumber(redis.call('HGET', KEYS[1], 'ends') or ARGV[1])
  if tonumber(ARGV[1]) > known + ${SAME_CODE_WITHIN} then redis.call('DEL', KEYS[1]) end
  redis.call('HSETNX', KEYS[1], 'ends', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ${TRIES_TTL})
  return redis.call('HINCRBY', KEYS[1], 'tries', 1)`;

/**
 * What was left of the code in ms if this caller spent it, 0 if it was wrong or gone. Deleting is the gate: no
 * second caller can get anything but 0.
 */
const SPEND = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local left = redis.call('PTTL', KEYS[1])
  redis.call('DEL', KEYS[1])
  return left == 0 and 1 or left`;

/** SMS codes: `sms_<mobile>` holds the six digits, the old shop's key, so that its services may send or read it. */
@Injectable()
export class SmsCodeService {
  private readonly logger = new Logger(SmsCodeService.name);

  constructor(
    private readonly redis: Redis,
    private readonly limits: Limits,
    private readonly gateway: SmsGateway,
  ) {}

  /**
   * Sends a new code, which replaces the one before. Counted before it is sent; a failed send counts nothing.
   * @param network whose request it is, for the limits by IP
   * @throws Problem TOO_MANY_REQUESTS, SMS_UNAVAILABLE
   */
  async send(mobile: string, network: string): Promise<void> {
    const uses: Uses = {
      'sms-per-mobile-minute': mobile,
      'sms-per-mobile-hour': mobile,
      'sms-per-mobile-day': mobile,
      'sms-per-ip-hour': network,
      'sms-per-ip-day': network,
      'sms-budget-day': 'all',
    };
    await this.limits.take(uses);
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    try {
      await this.gateway.send(mobile, code);
    } catch (error) {
      await this.limits.giveBack(uses);
      throw error;
    }
    // Written once it is on its way: a failed send leaves the code before it as it was.
    await this.redis.set(keyOf(mobile), code, 'EX', SMS_CODE_TTL);
    this.logger.log('SMS code sent', { mobile: maskMobile(mobile) });
  }

  /**
   * For doors that ask for nothing but a mobile: a try where no code is alive is no guess, and does not count; or
   * anybody could use up anybody's tries of the day.
   * @throws Problem SMS_CODE_INVALID
   */
  async refuseUnsent(mobile: string): Promise<void> {
    if (!(await this.read(mobile))) throw new Problem('SMS_CODE_INVALID');
  }

  /**
   * Looks at a code without using it up. Every try counts before it is looked at: five a code, whoever wrote it,
   * and twenty a day for the mobile, which no new code resets.
   * @throws Problem SMS_CODE_INVALID, TOO_MANY_REQUESTS
   */
  async check(mobile: string, code: string): Promise<void> {
    await this.limits.take({ 'sms-tries-per-mobile-day': mobile });
    const sent = await this.read(mobile);
    if (!sent) throw new Problem('SMS_CODE_INVALID');
    const tries = await this.redis.eval(TRY, 1, `qq:sms_tries:${mobile}:${sent.code}`, sent.endsAt);
    if (Number(tries) > TRIES || !timingSafeEqual(Buffer.from(sent.code), Buffer.from(code))) {
      throw new Problem('SMS_CODE_INVALID');
    }
  }

  /**
   * Runs `work`, which calls `spend` as its last step before commit. Of two with the same code one gets through;
   * when `work` fails after that, the code is put back.
   * @throws Problem SMS_CODE_INVALID from `spend` when the code is gone
   */
  async spending<T>(
    mobile: string,
    code: string,
    work: (spend: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    let left = 0;
    try {
      return await work(async () => {
        // Until Redis answers, nobody knows whether the code is spent; putting back one that is not does nothing.
        left = UNKNOWN_REMAINDER;
        left = await this.spend(mobile, code);
        if (left === 0) throw new Problem('SMS_CODE_INVALID');
      });
    } catch (error) {
      if (left !== 0) await this.putBack(mobile, code, left);
      throw error;
    }
  }

  /** Uses the code up. Returns the ms that were left of it (-1: it had no end), 0 if it was wrong or gone. */
  async spend(mobile: string, code: string): Promise<number> {
    return Number(await this.redis.eval(SPEND, 1, keyOf(mobile), code));
  }

  /**
   * A newer code, sent in the meantime, stands. While Redis is away this goes on behind: the line may have died
   * with the answer to the spending, and then nothing came of it either.
   */
  private async putBack(mobile: string, code: string, left: number, tries = PUT_BACK_TRIES): Promise<void> {
    try {
      await this.redis.set(keyOf(mobile), code, 'PX', left > 0 ? left : SMS_CODE_TTL * 1000, 'NX');
    } catch (error) {
      // What the caller has to hear is why its work failed, not that the code went with it.
      if (tries > 0)
        setTimeout(() => void this.putBack(mobile, code, left, tries - 1), PUT_BACK_EVERY).unref();
      else
        this.logger.error('SMS code not put back', {
          mobile: maskMobile(mobile),
          cause: (error as Error).name,
        });
    }
  }

  private async read(mobile: string): Promise<{ code: string; endsAt: number } | undefined> {
    const [code, left] = (await this.redis.eval(READ, 1, keyOf(mobile))) as [string | null, number];
    if (code === null || !/^\d{6}$/.test(code)) return undefined;
    return { code, endsAt: left < 0 ? 0 : Date.now() + left };
  }
}

const keyOf = (mobile: string): string => `sms_${mobile}`;
