import { join } from 'node:path';
import { createChallenge, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { afterEach, expect, it, vi } from 'vitest';
import { decoded } from '../support/proof-of-work.js';
import { PUBLIC } from './words.js';

const { configure, solveHumanCheck } = (await import(join(PUBLIC, 'qq-login.js'))) as {
  configure: (options: { apiBase: string }) => void;
  solveHumanCheck: () => Promise<string>;
};

const SECRETS = { hmacSignatureSecret: 'signature', hmacKeySignatureSecret: 'key signature' };

afterEach(() => {
  vi.unstubAllGlobals();
});

it.each([
  ['Web Crypto', crypto],
  ['no Web Crypto, as on plain http', { getRandomValues: undefined }],
])('solves a challenge of any size with %s', async (_what, browserCrypto) => {
  for (const [counter, cost] of [
    [0, 1],
    [1, 2],
    [37, 200],
  ] as const) {
    const challenge = await createChallenge({
      algorithm: 'PBKDF2/SHA-256',
      deriveKey,
      cost,
      counter,
      expiresAt: Math.floor(Date.now() / 1000) + 60,
      ...SECRETS,
    });
    vi.stubGlobal('crypto', browserCrypto);
    vi.stubGlobal('window', { crypto: browserCrypto });
    vi.stubGlobal('navigator', { hardwareConcurrency: 2 });
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(challenge))));
    configure({ apiBase: '' });

    const solved = decoded(await solveHumanCheck());

    vi.unstubAllGlobals();
    expect(solved.solution.counter).toBe(counter);
    const { verified } = await verifySolution({
      ...solved,
      solution: solved.solution as { counter: number; derivedKey: string },
      deriveKey,
      ...SECRETS,
    });
    expect(verified).toBe(true);
  }
});
