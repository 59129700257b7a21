import { createHmac, randomInt } from 'node:crypto';
import { vi } from 'vitest';
import { limitKey } from '../../src/limits/limits.js';
import type { Rule } from '../../src/limits/rules.js';
import { User } from '../../src/users/user.entity.js';
import { type Answer, newMobile, newName } from './shopper.js';
import type { App } from './start-app.js';

/** A JWT signed with this key. */
export function signed(claims: object, key: string | Buffer, header = { alg: 'HS256' }): string {
  const text = [{ typ: 'JWT', ...header }, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  return `${text}.${createHmac(header.alg === 'HS512' ? 'sha512' : 'sha256', key)
    .update(text)
    .digest('base64url')}`;
}

/** The claims of a JWT, as its bearer can read them. */
export function claimsOf(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
}

/** The same text with one bit of one character flipped. */
export function flipped(text: string, index: number): string {
  return text.slice(0, index) + String.fromCharCode(text.charCodeAt(index) ^ 1) + text.slice(index + 1);
}

export const base64url = (text: string): string => Buffer.from(text).toString('base64url');
export const seconds = (): number => Math.floor(Date.now() / 1000);

/** Runs the same work many times at once. */
export function atOnce<T>(times: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, index) => work(index)));
}

/** How many answers had each `errorCode`, or each status of a success. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const word = body.errorCode ?? String(status);
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** Runs `work` while every clock of this process is ahead by so many seconds. */
export async function later<T>(secondsLater: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + secondsLater * 1000 });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

/** Deletes a rule's count, as if its window had passed. */
export async function forgetLimit(app: App, rule: Rule, whom: string): Promise<void> {
  await app.redis.del(limitKey(rule, whom));
}

/** Sets a rule's count. */
export async function alreadyCounted(
  app: App,
  rule: Rule,
  whom: string | number,
  count: number,
  secondsLeft = 600,
): Promise<void> {
  await app.redis.set(limitKey(rule, String(whom)), count, 'EX', secondsLeft);
}

/** A rule's count. */
export async function counted(app: App, rule: Rule, whom: string | number): Promise<number> {
  return Number(await app.redis.get(limitKey(rule, String(whom))));
}

/** An SMS code written directly to Redis, as another service of the shop does: without a message and without limits. */
export async function writtenCode(app: App, mobile: string): Promise<string> {
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  app.logRecorder.keep(code);
  await app.redis.set(`sms_${mobile}`, code, 'EX', 300);
  return code;
}

/** An account as the old shop's database has it. */
export async function oldAccount(app: App, given: Partial<User>): Promise<User> {
  const account = Object.assign(new User(), {
    username: newName(),
    mobile: newMobile(),
    password: '!',
    dateJoined: new Date(),
    ...given,
  });
  await app.dataSource.getRepository(User).insert(account);
  return account;
}

/** The encoded password of old rows: `mysecret12`. */
export const OLD_PASSWORD = {
  plain: 'mysecret12',
  encoded: 'pbkdf2_sha256$36000$abcdefghijkl$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
};
