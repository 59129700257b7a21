import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';

const MINUTE = 60;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Every limit: what is counted and for whom, how many, in how many seconds. `LIMITS` changes the numbers. `ip` is a
 * {@link Client}'s `network`, `subnet` its `subnet`.
 */
export const RULES = {
  'sms-per-mobile-minute': [1, MINUTE],
  'sms-per-mobile-hour': [5, HOUR],
  'sms-per-mobile-day': [10, DAY],
  'sms-per-ip-hour': [20, HOUR],
  'sms-per-ip-day': [100, DAY],
  // A tenth of the default budget: one owner of many addresses does not use up everybody's.
  'sms-per-subnet-day': [1000, DAY],
  'sms-budget-day': [10_000, DAY],
  'sms-tries-per-mobile-day': [20, DAY],
  // Where nothing but the mobile is shown (no QQ, no login): nobody polls for somebody's code to burn its tries.
  'sms-tries-per-mobile-and-ip': [10, QUARTER],
  'pictures-per-ip': [300, MINUTE],
  'challenges-per-ip': [300, MINUTE],
  'starts-per-ip': [1200, MINUTE],
  'callbacks-per-ip': [1200, MINUTE],
  'binds-per-token': [10, HOUR],
  'binds-per-ip': [600, QUARTER],
  'name-lookups-per-ip': [60, MINUTE],
  'lists-per-account': [120, MINUTE],
  'registrations-per-ip': [300, HOUR],
  'sms-logins-per-ip': [300, HOUR],
  'resets-per-ip': [300, HOUR],
  'password-checks-per-ip': [240, MINUTE],
  'login-failures-per-account-and-ip': [10, QUARTER],
  'login-failures-per-account': [100, HOUR],
  'login-failures-per-ip': [100, QUARTER],
} as const satisfies Record<string, readonly [points: number, seconds: number]>;

export type Rule = keyof typeof RULES;

/** How many a rule allows, in how many seconds from the first. */
export type Allowance = readonly [points: number, seconds: number];

/**
 * The numbers that hold: the table's, those that follow from other settings, and last those of `LIMITS`.
 * @throws OperatorError that names a rule which does not exist
 */
export function allowances(config: Config): Readonly<Record<Rule, Allowance>> {
  return {
    ...RULES,
    'sms-budget-day': [config.SMS_DAILY_BUDGET, DAY],
    // For as long as the token lives: its tries do not start anew within its life.
    'binds-per-token': [RULES['binds-per-token'][0], config.BIND_TOKEN_TTL],
    ...changes(config.LIMITS),
  };
}

/** `rule=points/seconds` each. */
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
