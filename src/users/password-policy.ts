import { createRequire } from 'node:module';
import { Matches } from 'class-validator';
import { Problem } from '../common/problem.js';

/** 8 to 20 Unicode code points, without NUL, and without a lone surrogate: all of those hash to the same bytes. */
const PASSWORD = /^[^\0\ud800-\udfff]{8,20}$/u;

/** A password to compare: that of an old account may have followed other rules. */
export const GIVEN_PASSWORD = /^[^\0\ud800-\udfff]{1,128}$/u;

const PASSWORD_SENTENCE = '密码长度应为8到20个字符';

/** Validates a DTO field as a new password. */
export const IsPassword = (): PropertyDecorator => Matches(PASSWORD, { message: PASSWORD_SENTENCE });

/** What an account is called. */
export interface Names {
  readonly mobile: string;
  readonly username?: string;
}

let common: ReadonlySet<string> | undefined;

/**
 * The most used of all leaked passwords, most used first (zxcvbn's list), cut where guessing online ends. Loaded for
 * the first new password: it takes 6 MB, which a process that only logs people in does without.
 */
function commonPasswords(): ReadonlySet<string> {
  const load = () =>
    createRequire(import.meta.url)(
      '@zxcvbn-ts/language-common',
    ) as typeof import('@zxcvbn-ts/language-common');
  return (common ??= new Set(load().dictionary['passwords-common'].slice(0, 10_000)));
}

/**
 * What a new password must not be: one of those that everybody tries first, or what the account is called.
 * An old password is never held to it, only compared.
 * @param field under which the sentence belongs
 * @throws Problem REQUEST_INVALID
 */
export function refuseCommon(password: string, { mobile, username }: Names, field = 'password'): void {
  if (password.includes(mobile)) throw Problem.field(field, '密码不能包含手机号');
  if (password.toLowerCase() === username?.toLowerCase()) throw Problem.field(field, '密码不能与用户名相同');
  if (commonPasswords().has(password.toLowerCase())) throw Problem.field(field, '密码过于常见，请换一个');
}

/**
 * What a new password must not be, where the DTO cannot know whether it is a new one.
 * @throws Problem REQUEST_INVALID
 */
export function refuseWeak(password: string, names: Names): void {
  if (!PASSWORD.test(password)) throw Problem.field('password', PASSWORD_SENTENCE);
  refuseCommon(password, names);
}
