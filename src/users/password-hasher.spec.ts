import { createHash } from 'node:crypto';
import { readlink } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { basename } from 'node:path';
import { Logger } from '@nestjs/common';
import bcrypt from 'bcrypt';
import fc from 'fast-check';
import { register } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Config } from '../config/config.js';
import { PasswordHasher } from './password-hasher.js';

const hasherOf = (cost: number) =>
  new PasswordHasher({ BCRYPT_COST: cost, HASH_LANES: 2, WEB_CONCURRENCY: 1 } as Config);
const hasher = hasherOf(4);
const asker = { network: '192.0.2.1' };
const hash = (password: string) => hasher.hash(password, asker);
const matches = (password: string, encoded: string) =>
  hasher.matches(password, { id: 7, password: encoded }, asker);

describe('PasswordHasher', () => {
  afterEach(() => vi.restoreAllMocks());

  it('hash writes what Django reads: bcrypt of the hex SHA-256', async () => {
    const encoded = await hash('mysecret12');

    const hex = createHash('sha256').update('mysecret12').digest('hex');
    expect(encoded).toMatch(/^bcrypt_sha256\$\$2b\$04\$[./\w]{53}$/);
    expect(encoded.length).toBeLessThanOrEqual(128);
    expect(await bcrypt.compare(hex, encoded.slice('bcrypt_sha256$'.length))).toBe(true);
    expect(await matches('mysecret12', encoded)).toBe(true);
    expect(await matches('mysecret13', encoded)).toBe(false);
  });

  it.runIf(process.platform === 'linux')(
    'hashes run on threads of a lower priority than the event loop',
    async () => {
      hasher.onModuleInit();

      await vi.waitFor(async () => {
        const thread = Number(basename(await readlink('/proc/thread-self')));
        expect(getPriority(thread)).toBeGreaterThan(getPriority());
      });
    },
  );

  it.each([
    ['auto', 1],
    ['', 1],
    ['0', 1],
    ['-4', 1],
    ['4', 3],
    ['9', 8],
  ])('runs a bounded number of hashes at once with UV_THREADPOOL_SIZE=%s', async (threads, most) => {
    vi.resetModules();
    // The modules that are loaded anew register their metrics anew.
    register.clear();
    vi.stubEnv('UV_THREADPOOL_SIZE', threads);
    const { PasswordHasher: Loaded } = await import('./password-hasher.js');
    vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const loaded = new Loaded({ BCRYPT_COST: 4, HASH_LANES: 20, WEB_CONCURRENCY: 1 } as Config);
    let running = 0;
    let peak = 0;
    const slowly = async () => {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return 'x';
    };
    vi.spyOn(bcrypt, 'hash').mockImplementation(() => slowly() as unknown as void);

    await Promise.all(
      Array.from({ length: 12 }, (_, nth) => loaded.hash('mysecret12', { network: `${nth}` })),
    );

    expect(peak).toBe(most);
    vi.unstubAllEnvs();
  });

  it('isCurrent is false for a lower cost, and true for its own or a higher one', async () => {
    const encoded = await hasherOf(5).hash('mysecret12', asker);

    expect(hasherOf(4).isCurrent(encoded)).toBe(true);
    expect(hasherOf(5).isCurrent(encoded)).toBe(true);
    expect(hasherOf(6).isCurrent(encoded)).toBe(false);
    expect(await matches('mysecret12', encoded)).toBe(true);
  });

  it('matches is false, and logs nothing, without an account or with an unusable password', async () => {
    const error = vi.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);

    expect(await hasher.matches('mysecret12', undefined, asker)).toBe(false);
    for (const encoded of ['', '!', '!abc']) expect(await matches('mysecret12', encoded)).toBe(false);

    expect(error).not.toHaveBeenCalled();
  });

  it.each([
    'md5$salt$hash',
    'pbkdf2_sha256$abc$salt$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
    'pbkdf2_sha256$1000000000$salt$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
    `bcrypt_sha256$$2b$17$${'a'.repeat(53)}`,
    'argon2$argon2id$v=19$m=8,t=1,p=1$Y041dExhNkljRUUy$TMa6A',
  ])('matches is false and logs one error line for the malformed %j', async (encoded) => {
    const error = vi.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    const bcryptHash = vi.spyOn(bcrypt, 'hash');

    expect(await matches('mysecret12', encoded)).toBe(false);

    expect(error.mock.calls).toEqual([['Stored password is malformed', { userId: 7 }]]);
    expect(bcryptHash).toHaveBeenCalledTimes(1);
  });

  it('matches never takes one password for another, whatever their characters', async () => {
    const password = fc.string({ unit: 'binary', minLength: 8, maxLength: 20 });

    await fc.assert(
      fc.asyncProperty(password, password, async (one, other) => {
        const encoded = await hash(one);
        expect(await matches(one, encoded)).toBe(true);
        if (one !== other) expect(await matches(other, encoded)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('matches reports an overload within 50 ms, and still serves the others', async () => {
    // The first estimate for a hash of cost 15 is two seconds. The hashes here have cost 4.
    const slow = hasherOf(15);
    const account = { id: 7, password: await hash('mysecret12') };
    const begin = performance.now();

    const all = await Promise.all(
      Array.from({ length: 40 }, async () => {
        try {
          return await slow.matches('mysecret12', account, asker);
        } catch (error) {
          return { error, ms: performance.now() - begin };
        }
      }),
    );

    const refused = all.filter((one) => typeof one === 'object');
    expect(refused.length).toBeGreaterThan(20);
    for (const { error, ms } of refused) {
      expect(error).toMatchObject({ code: 'OVERLOADED', retryAfter: expect.any(Number) });
      expect(ms).toBeLessThan(50);
    }
    expect(all.filter((one) => one === true).length).toBeGreaterThan(2);
  });
});
