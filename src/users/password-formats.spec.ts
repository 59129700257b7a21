import bcrypt from 'bcrypt';
import { describe, expect, it } from 'vitest';
import { isUnusable, readEncoded } from './password-formats.js';

/** Published vectors: [where, encoded, password]. */
const VECTORS: [string, string, string][] = [
  [
    'pbkdf2_sha256 (the old shop)',
    'pbkdf2_sha256$36000$abcdefghijkl$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
    'mysecret12',
  ],
  [
    "pbkdf2_sha256 (Django's tests, test_pbkdf2)",
    'pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=',
    'lètmein',
  ],
  [
    "pbkdf2_sha1 (Django's tests, test_low_level_pbkdf2_sha1)",
    'pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I=',
    'lètmein',
  ],
  [
    "argon2i without a version (Django's tests, test_argon2)",
    'argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg',
    'secret',
  ],
  [
    "argon2i (Django's tests, test_argon2)",
    'argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q',
    'secret',
  ],
  [
    "argon2id (Django's tests, test_argon2_version_upgrade)",
    'argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw',
    'secret',
  ],
  [
    'bcrypt (the test vectors of Openwall crypt_blowfish)',
    'bcrypt$$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    'U*U',
  ],
  [
    'plain $2y$ (the test vectors of Openwall crypt_blowfish)',
    '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    'U*U',
  ],
];

describe('readEncoded', () => {
  it.each(VECTORS)('readEncoded reads %s', async (_, encoded, password) => {
    const matches = readEncoded(encoded)!;

    expect(await matches(password)).toBe(true);
    expect(await matches(`${password}x`)).toBe(false);
  });

  it('readEncoded reads every spelling of bcrypt', async () => {
    const plain = await bcrypt.hash('mysecret12', 4);

    for (const version of ['$2a$', '$2b$', '$2y$'])
      for (const prefix of ['', 'bcrypt$']) {
        const matches = readEncoded(prefix + plain.replace('$2b$', version))!;
        expect(await matches('mysecret12')).toBe(true);
        expect(await matches('mysecret13')).toBe(false);
      }
  });

  const digest = 'eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=';
  const bcrypt53 = 'a'.repeat(53);
  const argon2 = 'Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw';

  it.each([
    'mysecret12',
    'md5$salt$hash',
    'scrypt$16384$salt$8$1$abc',
    `pbkdf2_md5$1000$salt$${digest}`,
    'pbkdf2_sha256$',
    'pbkdf2_sha256$1$$',
    `pbkdf2_sha256$abc$salt$${digest}`,
    `pbkdf2_sha256$0$salt$${digest}`,
    `pbkdf2_sha256$-1$salt$${digest}`,
    `pbkdf2_sha256$1e3$salt$${digest}`,
    `pbkdf2_sha256$10000001$salt$${digest}`,
    `pbkdf2_sha256$1000000000$salt$${digest}`,
    `pbkdf2_sha256$99999999999999999999$salt$${digest}`,
    'pbkdf2_sha256$1000$salt$@@@@',
    'pbkdf2_sha256$1000$salt$eNF3Dcx9',
    `pbkdf2_sha256$1000$salt$${digest}$more`,
    `pbkdf2_sha1$1000$salt$${digest}`,
    'bcrypt$',
    `bcrypt$$2b$17$${bcrypt53}`,
    `bcrypt_sha256$$2b$31$${bcrypt53}`,
    `bcrypt_sha256$$2b$03$${bcrypt53}`,
    `bcrypt_sha256$$2b$04$${'@'.repeat(53)}`,
    'bcrypt_sha256$$2b$04$',
    `$2x$04$${bcrypt53}`,
    '$2b$99$',
    'argon2$',
    `argon2$argon2id$v=19$m=262145,t=1,p=1$${argon2}`,
    `argon2$argon2id$v=19$m=262144,t=5,p=1$${argon2}`,
    `argon2$argon2id$v=19$m=8,t=1000000000,p=1$${argon2}`,
    `argon2$argon2id$v=19$m=102400,t=2,p=1000$${argon2}`,
    'argon2$argon2id$v=19$m=8,t=1,p=1$@@@$@@@',
    `argon2$scrypt$v=19$m=8,t=1,p=1$${argon2}`,
  ])('readEncoded reports %j as malformed, without computing anything', (encoded) => {
    expect(readEncoded(encoded)).toBeUndefined();
  });

  it.each([
    `argon2$argon2id$v=18$m=8,t=1,p=1$${argon2}`,
    `argon2$argon2id$v=19$m=1,t=1,p=8$${argon2}`,
    `argon2$argon2id$v=19$m=8,t=0,p=1$${argon2}`,
    `argon2$argon2id$v=19$m=8,t=1,p=0$${argon2}`,
    'argon2$argon2id$v=19$m=8,t=1,p=1$Y041$TMa6A8fPJhCAUXRhJXCXdw',
    'argon2$argon2id$v=19$m=8,t=1,p=1$Y041dExhNkljRUUy$TMa',
    'argon2$argon2id$v=19$m=8,t=1,p=1$Y041dExhNkljRUUy$TMa6A',
  ])('readEncoded reports %j as malformed, after Argon2 has parsed it', async (encoded) => {
    expect(await readEncoded(encoded)!('secret')).toBeUndefined();
  });
});

describe('isUnusable', () => {
  it("isUnusable recognizes Django's marks for an account without a password, and nothing else", () => {
    expect(['', '!', '!aB3dE'].every(isUnusable)).toBe(true);
    expect(VECTORS.some(([, encoded]) => isUnusable(encoded))).toBe(false);
  });
});
