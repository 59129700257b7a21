import bcrypt from 'bcrypt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { Problem } from '../common/problem.js';
import { PasswordHasher } from './password-hasher.js';

const hasherOf = (cost: number) =>
  new PasswordHasher(loadConfig({ NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), BCRYPT_COST: String(cost) }));
const hasher = hasherOf(4);
/** The vector of the old shop's documentation. */
const PBKDF2 = 'pbkdf2_sha256$36000$abcdefghijkl$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=';

describe('PasswordHasher', () => {
  it('writes what Django reads: bcrypt of the hex SHA-256', async () => {
    const encoded = await hasher.hash('mysecret12');

    // sha256('mysecret12') in lower-case hex, as BCryptSHA256PasswordHasher feeds it to bcrypt.
    const hex = '2cdfad1fd3da9a3ba875960c73d4b09f0edad2ec908b2818208141762fd62a7a';
    expect(encoded).toMatch(/^bcrypt_sha256\$\$2b\$04\$[./\w]{53}$/);
    expect(encoded.length).toBeLessThanOrEqual(128);
    expect(await bcrypt.compare(hex, encoded.slice('bcrypt_sha256$'.length))).toBe(true);
    expect(await hasher.matches('mysecret12', encoded)).toBe(true);
    expect(await hasher.matches('mysecret13', encoded)).toBe(false);
  });

  it('reads every format of the old shop', async () => {
    const plain = await bcrypt.hash('mysecret12', 4);

    for (const encoded of [
      PBKDF2,
      `bcrypt$${plain}`,
      plain,
      plain.replace('$2b$', '$2a$'),
      plain.replace('$2b$', '$2y$'),
    ]) {
      expect(await hasher.matches('mysecret12', encoded)).toBe(true);
      expect(await hasher.matches('mysecret13', encoded)).toBe(false);
      expect(hasher.isCurrent(encoded)).toBe(false);
    }
  });

  it('takes a lower cost for old, and its own or a higher one for current', async () => {
    const encoded = await hasherOf(5).hash('mysecret12');

    expect(hasherOf(4).isCurrent(encoded)).toBe(true);
    expect(hasherOf(5).isCurrent(encoded)).toBe(true);
    expect(hasherOf(6).isCurrent(encoded)).toBe(false);
    expect(await hasherOf(6).matches('mysecret12', encoded)).toBe(true);
  });

  it('matches nothing against no password, an unusable one, or one that nobody can read', async () => {
    for (const encoded of [
      undefined,
      '',
      '!',
      '!abc',
      'md5$salt$hash',
      'pbkdf2_sha256$',
      'pbkdf2_sha256$1$$',
      'bcrypt$',
      '$2b$99$',
    ]) {
      expect(await hasher.matches('mysecret12', encoded)).toBe(false);
    }
  });

  it('never takes one password for another, whatever characters they have', async () => {
    const password = fc.string({ unit: 'binary', minLength: 8, maxLength: 20 });

    await fc.assert(
      fc.asyncProperty(password, password, async (one, other) => {
        const encoded = await hasher.hash(one);
        expect(await hasher.matches(one, encoded)).toBe(true);
        if (one !== other) expect(await hasher.matches(other, encoded)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('tells those who would wait too long to come back later, and serves the others', async () => {
    // By its first guess, a hash of cost 15 takes two seconds; the true cost here is 4.
    const slow = new PasswordHasher({ BCRYPT_COST: 15 } as ReturnType<typeof loadConfig>);
    const encoded = await hasher.hash('mysecret12');

    const all = await Promise.allSettled(
      Array.from({ length: 40 }, () => slow.matches('mysecret12', `bcrypt_sha256$${encoded.slice(14)}`)),
    );

    const refused = all.filter((one) => one.status === 'rejected').map((one) => one.reason as Problem);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ code, retryAfter }) => code === 'OVERLOADED' && retryAfter! > 15)).toBe(true);
    expect(all.filter((one) => one.status === 'fulfilled').length).toBeGreaterThan(5);
  });
});
