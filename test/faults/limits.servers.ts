import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { limitKey } from '../../src/limits/limits.js';
import type { Rule } from '../../src/limits/rules.js';
import { newMobile } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

/** A service whose Redis connection never breaks, to read Redis. */
let steady: App;
let app: App;
let redis: SwitchableProxy;

beforeAll(async () => {
  steady = await startApp();
  redis = await SwitchableProxy.to(steady.backends.env.REDIS_URL!);
  app = await startApp({ beside: steady, env: { REDIS_URL: redis.url } });
});

afterAll(async () => {
  await app.close();
  await steady.close();
  await redis.close();
});

const BY_MOBILE: Rule[] = ['sms-per-mobile-minute', 'sms-per-mobile-hour', 'sms-per-mobile-day'];
const BY_IP: Rule[] = ['sms-per-ip-hour', 'sms-per-ip-day'];

describe('a Redis that counts an SMS but does not answer in time', () => {
  it.each([
    ['counts and does not answer', () => redis.holdAfter('sms-per-mobile-minute')],
    ['never hears of it', () => redis.holdBefore('sms-per-mobile-minute')],
    ['counts, and the connection breaks', () => redis.cutAfter('sms-per-mobile-minute')],
  ])(
    'an SMS whose count has no answer leaves no count, and the user may ask again: Redis %s',
    async (_, fault) => {
      const [shopper, mobile] = [app.shopper(), newMobile()];
      const counts = async () =>
        steady.redis.mget([
          ...BY_MOBILE.map((rule) => limitKey(rule, mobile)),
          ...BY_IP.map((rule) => limitKey(rule, shopper.address)),
        ]);
      const budget = await steady.redis.get(limitKey('sms-budget-day', 'all'));
      const sprung = fault();

      const answer = await shopper.askForSms(mobile);
      await sprung;

      expect(answer.body.errorCode).toBe('UNAVAILABLE');
      expect(app.sandbox.messages(mobile)).toEqual([]);
      await redis.pass();
      await vi.waitFor(async () => expect(await counts()).toEqual([null, null, null, null, null]), {
        timeout: 10_000,
        interval: 50,
      });
      expect(await steady.redis.get(limitKey('sms-budget-day', 'all'))).toBe(budget);
      await vi.waitFor(async () => expect((await shopper.askForSms(mobile)).status).toBe(200), {
        timeout: 10_000,
      });
    },
  );
});

it('a count that Redis makes after its request was refused is undone', async () => {
  const shopper = app.shopper();
  const start = () => shopper.get('/oauth/qq/authorization/?next=/');
  expect((await start()).status).toBe(200);
  const marks = await steady.redis.keys(`qq:limit:{${shopper.address}}:*`);
  redis.stall();

  expect((await start()).body.errorCode).toBe('UNAVAILABLE');

  await redis.pass();
  await vi.waitFor(
    async () => {
      const [mark] = (await steady.redis.keys(`qq:limit:{${shopper.address}}:*`)).filter(
        (key) => !marks.includes(key),
      );
      expect(mark && (await steady.redis.get(mark))).toBe('void');
    },
    { timeout: 10_000, interval: 20 },
  );
  expect(await steady.redis.get(limitKey('starts-per-ip', shopper.address))).toBe('1');
});
