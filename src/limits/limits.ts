import { Injectable, Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { Config } from '../config/config.js';
import { OperatorError } from '../common/operator-error.js';
import { Problem } from '../common/problem.js';

const MINUTE = 60;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Every limit: what is counted and for whom, how many, in how many seconds. `LIMITS` changes the numbers. */
const RULES = {
  'sms-per-mobile-minute': [1, MINUTE],
  'sms-per-mobile-hour': [5, HOUR],
  'sms-per-mobile-day': [10, DAY],
  'sms-per-ip-hour': [20, HOUR],
  'sms-per-ip-day': [100, DAY],
  'sms-budget-day': [10_000, DAY],
  'sms-tries-per-mobile-day': [20, DAY],
  'pictures-per-ip': [300, MINUTE],
  'starts-per-ip': [1200, MINUTE],
  'callbacks-per-ip': [1200, MINUTE],
  'binds-per-token': [10, HOUR],
  'binds-per-ip': [600, QUARTER],
  'lists-per-account': [120, MINUTE],
  'registrations-per-ip': [300, HOUR],
  'resets-per-ip': [300, HOUR],
  'password-checks-per-ip': [240, MINUTE],
  'login-failures-per-account-and-ip': [10, QUARTER],
  'login-failures-per-account': [100, HOUR],
  'login-failures-per-ip': [100, QUARTER],
} as const satisfies Record<string, readonly [points: number, seconds: number]>;

export type Rule = keyof typeof RULES;

/** Whom each rule counts: a mobile, a network, an account. */
export type Uses = Readonly<Partial<Record<Rule, string>>>;

/**
 * The library's script, with one more line: a count that is given back to nothing starts its window anew.
 * KEYS[1] the count, ARGV[1] points (negative: given back), ARGV[2] the window in seconds.
 */
const COUNT = `
  if tonumber(ARGV[1]) > 0 then redis.call('SET', KEYS[1], 0, 'EX', ARGV[2], 'NX') end
  local count = 0
  if redis.call('EXISTS', KEYS[1]) == 1 then count = redis.call('INCRBY', KEYS[1], ARGV[1]) end
  if count <= 0 then redis.call('DEL', KEYS[1]) end
  return {count, redis.call('PTTL', KEYS[1])}`;

/**
 * Counts what may not be done too often. Counting comes before what it guards, in one Redis command a rule, so
 * that of fifty requests at once exactly as many pass as may. Redis away: nothing passes.
 */
@Injectable()
export class Limits {
  private readonly logger = new Logger(Limits.name);
  /** When each rule was last said to refuse, in ms. */
  private readonly warned = new Map<Rule, number>();
  private readonly limiters: Readonly<Record<string, RateLimiterRedis>>;

  constructor(redis: Redis, config: Config) {
    const numbers = {
      ...RULES,
      'sms-budget-day': [config.SMS_DAILY_BUDGET, DAY],
      // For as long as the token lives: its tries do not start anew within its life.
      'binds-per-token': [RULES['binds-per-token'][0], config.BIND_TOKEN_TTL],
      ...changes(config.LIMITS),
    };
    this.limiters = Object.fromEntries(
      Object.entries(numbers).map(([rule, [points, duration]]) => [
        rule,
        new RateLimiterRedis({
          storeClient: redis,
          keyPrefix: `qq:limit:${rule}`,
          points,
          duration,
          customIncrTtlLuaScript: COUNT,
        }),
      ]),
    );
  }

  /**
   * Counts one use of each rule, or of none: what one rule refuses, the others do not count.
   * @param stages each is counted once the one before has let it pass: what that one refuses does not stand in the
   *   counts of the next, not even until it is given back
   * @throws Problem TOO_MANY_REQUESTS with the seconds until the strictest of them allows it again
   */
  async take(...stages: Uses[]): Promise<void> {
    for (const [index, uses] of stages.entries()) {
      const answers = await Promise.all(entries(uses).map(([rule, whom]) => this.consume(rule, whom)));
      const refused = answers.filter((answer) => answer.refused);
      if (refused.length === 0) continue;
      await this.giveBack(...stages.slice(0, index + 1));
      refused.forEach(({ rule }) => this.warn(rule));
      throw new Problem('TOO_MANY_REQUESTS', {
        retryAfter: Math.max(...refused.map((answer) => answer.seconds)),
      });
    }
  }

  /** Takes back one use of each: it came to nothing (an SMS not sent) or did no harm (a right password). */
  async giveBack(...stages: Uses[]): Promise<void> {
    await Promise.all(stages.flatMap(entries).map(([rule, whom]) => this.limiters[rule]!.reward(whom, 1)));
  }

  /** Tells the operator, but not more than once a minute and rule: an attack must not fill the log. */
  private warn(rule: Rule): void {
    const now = Date.now();
    if (now - (this.warned.get(rule) ?? 0) < MINUTE * 1000) return;
    this.warned.set(rule, now);
    this.logger.warn('Limit refuses', { rule });
  }

  private async consume(rule: Rule, whom: string): Promise<Answer> {
    try {
      await this.limiters[rule]!.consume(whom, 1);
      return { rule, refused: false, seconds: 0 };
    } catch (answer) {
      if (!(answer instanceof RateLimiterRes)) throw answer;
      return { rule, refused: true, seconds: Math.max(1, Math.ceil(answer.msBeforeNext / 1000)) };
    }
  }
}

interface Answer {
  readonly rule: Rule;
  readonly refused: boolean;
  /** Until it allows it again. */
  readonly seconds: number;
}

const entries = (uses: Uses): [Rule, string][] => Object.entries(uses) as [Rule, string][];

/** `rule=points/seconds` each; @throws OperatorError that names a rule which does not exist. */
function changes(limits: readonly string[]): Record<string, [number, number]> {
  return Object.fromEntries(
    limits.map((limit) => {
      const [rule = '', points, seconds] = limit.split(/[=/]/);
      if (!Object.hasOwn(RULES, rule))
        throw new OperatorError(
          `Configuration refused:\n  LIMITS: names a rule that does not exist; there are ${Object.keys(RULES).join(', ')}`,
        );
      return [rule, [Number(points), Number(seconds)]];
    }),
  );
}
