import { createRequire } from 'node:module';
import { Matches } from 'class-validator';
import { Problem } from '../common/problem.js';

/** 8 to 20 Unicode code points, without NUL and without lone surrogates, which all hash to the same bytes. */
const PASSWORD = /^[^\0\ud800-\udfff]{8,20}$/u;

/** A password to compare. An old account's password may have followed other rules. */
export const GIVEN_PASSWORD = /^[^\0\ud800-\udfff]{1,128}$/u;

const PASSWORD_SENTENCE = '密码应为8至20个字符';

/** Validates a DTO field as a new password. */
export const IsPassword = (): PropertyDecorator => Matches(PASSWORD, { message: PASSWORD_SENTENCE });

/** The names of an account. */
export interface Names {
  readonly mobile: string;
  readonly username?: string;
}

let common: ReadonlySet<string> | undefined;

/**
 * The most frequent leaked passwords (zxcvbn's list), as many as online guessing can try. Loaded for the first new
 * password: it takes 6 MB, which a process that only handles logins does not need.
 */
function commonPasswords(): ReadonlySet<string> {
  const load = () =>
    createRequire(import.meta.url)(
      '@zxcvbn-ts/language-common',
    ) as typeof import('@zxcvbn-ts/language-common');
  return (common ??= new Set(load().dictionary['passwords-common'].slice(0, 10_000)));
}

/**
 * Refuses a new password that is common or contains the account's names. Existing passwords are only compared.
 * @param field the field that the sentence is about
 * @throws Problem REQUEST_INVALID
 */
export function refuseCommon(password: string, { mobile, username }: Names, field = 'password'): void {
  if (password.includes(mobile)) throw Problem.field(field, '密码不能包含手机号');
  if (password.toLowerCase() === username?.toLowerCase()) throw Problem.field(field, '密码不能与用户名相同');
  if (commonPasswords().has(password.toLowerCase())) throw Problem.field(field, '密码过于常见，请换一个');
}

/**
 * Refuses a weak new password on a route whose DTO cannot know whether the password is new.
 * @throws Problem REQUEST_INVALID
 */
export function refuseWeak(password: string, names: Names): void {
  if (!PASSWORD.test(password)) throw Problem.field('password', PASSWORD_SENTENCE);
  refuseCommon(password, names);
}
