import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';

const MINUTE = 60;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Every limit: how many of what, for whom, in how many seconds. `LIMITS` changes the numbers. `ip` is a {@link
 * Client}'s `network`, `subnet` is its `subnet`.
 */
export const RULES = {
  'sms-per-mobile-minute': [1, MINUTE],
  'sms-per-mobile-hour': [5, HOUR],
  'sms-per-mobile-day': [10, DAY],
  'sms-per-ip-hour': [20, HOUR],
  'sms-per-ip-day': [100, DAY],
  // A tenth of the default budget, so that one owner of many addresses cannot use up the whole budget.
  'sms-per-subnet-day': [1000, DAY],
  'sms-budget-day': [10_000, DAY],
  'sms-tries-per-mobile-day': [20, DAY],
  // For routes that need only a mobile and its code (no QQ, no login): prevents polling that uses up the tries of
  // someone else's code.
  'sms-tries-per-mobile-and-ip': [10, QUARTER],
  'pictures-per-ip': [300, MINUTE],
  'challenges-per-ip': [300, MINUTE],
  'starts-per-ip': [1200, MINUTE],
  'callbacks-per-ip': [1200, MINUTE],
  'binds-per-token': [10, HOUR],
  'binds-per-ip': [600, QUARTER],
  'name-lookups-per-ip': [60, MINUTE],
  'lists-per-account': [120, MINUTE],
  'account-changes-per-ip': [300, HOUR],
  'registrations-per-ip': [300, HOUR],
  'sms-logins-per-ip': [300, HOUR],
  'resets-per-ip': [300, HOUR],
  'password-checks-per-ip': [240, MINUTE],
  'login-failures-per-account-and-ip': [10, QUARTER],
  'login-failures-per-account': [100, HOUR],
  'login-failures-per-ip': [100, QUARTER],
} as const satisfies Record<string, readonly [points: number, seconds: number]>;

export type Rule = keyof typeof RULES;

/** How many uses a rule allows, in how many seconds from the first use. */
export type Allowance = readonly [points: number, seconds: number];

/**
 * The effective numbers: the table's, then those derived from other settings, then those of `LIMITS`.
 * @throws OperatorError that names an unknown rule
 */
export function allowances(config: Config): Readonly<Record<Rule, Allowance>> {
  return {
    ...RULES,
    'sms-budget-day': [config.SMS_DAILY_BUDGET, DAY],
    // The window is the token's lifetime, so that its count never starts again.
    'binds-per-token': [RULES['binds-per-token'][0], config.BIND_TOKEN_TTL],
    ...changes(config.LIMITS),
  };
}

/** Each is `rule=points/seconds`. */
function changes(limits: readonly string[]): Record<string, Allowance> {
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
