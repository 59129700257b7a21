import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alreadyCounted, atOnce, later, tally } from '../support/fixtures.js';
import { decoded, encoded, solvedBy } from '../support/proof-of-work.js';
import { newMobile } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;
let production: App;
let pictures: App;

beforeAll(async () => {
  app = await startApp({ env: { HUMAN_CHECK_DIFFICULTY: '20' } });
  // Production's default.
  production = await startApp({ beside: app, env: { HUMAN_CHECK: 'altcha', HUMAN_CHECK_DIFFICULTY: '20' } });
  pictures = await startApp({ beside: app, env: { HUMAN_CHECK: 'picture' } });
});

afterAll(async () => {
  await production.close();
  await pictures.close();
  await app.close();
});

const INVALID = {
  status: 400,
  body: { errorCode: 'HUMAN_CHECK_INVALID', message: '人机验证未通过，请重试' },
};

describe('the proof of work', () => {
  it('the proof of work can replace the picture for an SMS', async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const { altcha } = await solvedBy(shopper);

    expect((await shopper.post('/sms_codes/', { mobile, altcha })).status).toBe(200);

    expect(app.sandbox.messages(mobile)).toHaveLength(1);
  });

  it('a proof of work is accepted once, even of twenty simultaneous requests', async () => {
    const { altcha } = await solvedBy(app.shopper());

    const answers = await atOnce(20, () =>
      app.shopper().post('/sms_codes/', { mobile: newMobile(), altcha }),
    );

    expect(tally(answers)).toEqual({ 200: 1, HUMAN_CHECK_INVALID: 19 });
  });

  it('a proof of work is accepted once by all instances together', async ({ skip }) => {
    // In the embedded mode each service has its own Redis.
    if (app.backends.embedded) skip();
    const { altcha } = await solvedBy(app.shopper());

    const answers = [
      await app.shopper().post('/sms_codes/', { mobile: newMobile(), altcha }),
      await production.shopper().post('/sms_codes/', { mobile: newMobile(), altcha }),
    ];

    expect(tally(answers)).toEqual({ 200: 1, HUMAN_CHECK_INVALID: 1 });
  });

  it('a proof of work is valid for ten minutes', async () => {
    const { altcha } = await solvedBy(app.shopper());

    const answer = await later(601, () => app.shopper().post('/sms_codes/', { mobile: newMobile(), altcha }));

    expect(answer).toMatchObject(INVALID);
  });

  it.each<[string, (altcha: string) => unknown]>([
    [
      'another counter and its key',
      (altcha) => ({ ...decoded(altcha), solution: { counter: 0, derivedKey: 'aa'.repeat(32) } }),
    ],
    ['no solution', (altcha) => ({ challenge: decoded(altcha).challenge })],
    ['a solution that is a list', (altcha) => ({ ...decoded(altcha), solution: [1] })],
    ['an easier challenge', (altcha) => tampered(altcha, { cost: 1 })],
    ['a later end', (altcha) => tampered(altcha, { expiresAt: 4_000_000_000 })],
    ['no end', (altcha) => tampered(altcha, { expiresAt: undefined })],
    ['no signature of the key', (altcha) => tampered(altcha, { keySignature: undefined, keyPrefix: '00' })],
    [
      'no signature',
      (altcha) => ({ ...decoded(altcha), challenge: { parameters: decoded(altcha).challenge.parameters } }),
    ],
    [
      'a signature that is a list',
      (altcha) => ({ ...decoded(altcha), challenge: { ...decoded(altcha).challenge, signature: ['a'] } }),
    ],
    ['an empty challenge', () => ({ challenge: {}, solution: {} })],
    ['null', () => null],
    ['a number', () => 1],
  ])('a proof of work is refused with %s', async (_, change) => {
    const { altcha } = await solvedBy(app.shopper());

    const answer = await app
      .shopper()
      .post('/sms_codes/', { mobile: newMobile(), altcha: encoded(change(altcha)) });

    expect(answer).toMatchObject(INVALID);
  });

  it.each(['not base64!', '{}', 'e30', '\u0000', 'x'.repeat(4096)])(
    'a proof of work is refused when it is %j',
    async (altcha) => {
      expect(await app.shopper().post('/sms_codes/', { mobile: newMobile(), altcha })).toMatchObject(INVALID);
    },
  );

  it('challenges of the proof of work are limited by address', async () => {
    const shopper = app.shopper();
    await alreadyCounted(app, 'challenges-per-ip', shopper.address, 300);

    expect(await shopper.get('/human_checks/')).toMatchObject({
      status: 429,
      body: { errorCode: 'TOO_MANY_REQUESTS' },
    });
  });

  it('a proof of work outlives a change of JWT_SECRET', async () => {
    const { altcha } = await solvedBy(app.shopper());
    const after = await startApp({
      beside: app,
      env: {
        JWT_SECRET: 'another-secret-for-tests-9876543210-zyxwv',
        JWT_SECRET_PREVIOUS: app.config.JWT_SECRET,
      },
    });
    try {
      expect((await after.shopper().post('/sms_codes/', { mobile: newMobile(), altcha })).status).toBe(200);
    } finally {
      await after.close();
    }
  });
});

function tampered(altcha: string, change: object): unknown {
  const { challenge, solution } = decoded(altcha);
  return { challenge: { ...challenge, parameters: { ...challenge.parameters, ...change } }, solution };
}

describe('HUMAN_CHECK=altcha', () => {
  it('HUMAN_CHECK=altcha draws no pictures, and accepts none', async () => {
    const shopper = production.shopper();
    const image_code_id = randomUUID();
    expect((await shopper.get(`/image_codes/${image_code_id}/`)).status).toBe(404);
    await app.redis.set(`qq:image_code:${image_code_id}`, 'KKKK', 'EX', 300);

    const answer = await shopper.post('/sms_codes/', {
      mobile: newMobile(),
      image_code_id,
      image_code: 'KKKK',
    });

    expect(answer).toMatchObject({
      status: 400,
      body: { errorCode: 'REQUEST_INVALID', errors: { altcha: ['请完成人机验证'] } },
    });
  });

  it('HUMAN_CHECK=altcha asks for the proof of work when it is missing', async () => {
    expect((await production.shopper().post('/sms_codes/', { mobile: newMobile() })).body.errors).toEqual({
      altcha: ['请完成人机验证'],
    });
  });
});

describe('HUMAN_CHECK=picture', () => {
  it('HUMAN_CHECK=picture issues no proof of work, and accepts none', async () => {
    const { altcha } = await solvedBy(app.shopper());
    expect((await pictures.shopper().get('/human_checks/')).status).toBe(404);

    const answer = await pictures.shopper().post('/sms_codes/', { mobile: newMobile(), altcha });

    expect(answer.body.errorCode).toBe('REQUEST_INVALID');
    expect(Object.keys(answer.body.errors!)).toEqual(['image_code_id', 'image_code']);
  });
});

describe('both checks', () => {
  it('with both human checks, one of them is asked for when both are missing', async () => {
    const { body } = await app.shopper().post('/sms_codes/', { mobile: newMobile(), image_code: 'KKKK' });

    expect(Object.keys(body.errors!)).toEqual(['altcha', 'image_code_id', 'image_code']);
  });
});
