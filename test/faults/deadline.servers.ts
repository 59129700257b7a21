import { readFileSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  expectFullService,
  expectHonest,
  EVERY_ROUTE,
  everyRoute,
  askEveryRoute,
} from '../support/every-route.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

/** A service whose connections never break: prepares requests and reads what is stored. */
let steady: App;
/** The service under test: its connections can be slowed. */
let app: App;
let database: SwitchableProxy;
let redis: SwitchableProxy;

beforeAll(async () => {
  steady = await startApp({ env: EVERY_ROUTE });
  const { DATABASE_URL = '', REDIS_URL = '' } = steady.backends.env;
  [database, redis] = await Promise.all([SwitchableProxy.to(DATABASE_URL), SwitchableProxy.to(REDIS_URL)]);
  app = await startApp({
    beside: steady,
    env: { ...EVERY_ROUTE, DATABASE_URL: database.url, REDIS_URL: redis.url },
  });
});

afterEach(async () => {
  steady.sandbox.setFault({ mode: 'none' });
  steady.sandbox.smsFault = 'none';
  await Promise.all([database.pass(), redis.pass()]);
});

afterAll(async () => {
  await app.close();
  await steady.close();
  await Promise.all([database.close(), redis.close()]);
});

it('every documented route is in the table', () => {
  const file = resolve(import.meta.dirname, '../../openapi.json');
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, object> };
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );

  expect(Object.keys(everyRoute(app, steady)).toSorted()).toEqual(documented.toSorted());
});

const gone = (line: SwitchableProxy) => (line.refuse(), line.reset());

it.each([
  ['the database is gone', () => gone(database), ['UNAVAILABLE']],
  ['the database is slow', () => database.slow(2000), ['UNAVAILABLE']],
  ['the database is silent', () => database.stall(), ['UNAVAILABLE']],
  ['the connections to the database broke', () => database.reset(), []],
  ['Redis is gone', () => gone(redis), ['UNAVAILABLE']],
  ['Redis is slow', () => redis.slow(1900), ['UNAVAILABLE']],
  ['Redis is silent', () => redis.stall(), ['UNAVAILABLE']],
  ['both are gone', () => (gone(database), gone(redis)), ['UNAVAILABLE']],
  ['both are slow', () => (database.slow(1500), redis.slow(500)), ['UNAVAILABLE']],
  ['both are silent', () => (database.stall(), redis.stall()), ['UNAVAILABLE']],
  [
    'QQ and the SMS gateway are slow',
    () => {
      steady.sandbox.setFault({ mode: 'slow', on: 'all', ms: 2000 });
      steady.sandbox.setSmsFault({ mode: 'slow', ms: 2000 });
    },
    ['QQ_UNAVAILABLE'],
  ],
  [
    'QQ and the SMS gateway hang',
    () => {
      steady.sandbox.setFault({ mode: 'hang' });
      steady.sandbox.smsFault = 'hang';
    },
    ['QQ_UNAVAILABLE'],
  ],
  [
    'QQ and the SMS gateway reset connections',
    () => {
      steady.sandbox.setFault({ mode: 'reset' });
      steady.sandbox.smsFault = 'reset';
    },
    ['QQ_UNAVAILABLE'],
  ],
  [
    'QQ answers nonsense, and the SMS gateway fails',
    () => {
      steady.sandbox.setFault({ mode: 'html' });
      steady.sandbox.smsFault = 'refuse';
    },
    ['QQ_UNAVAILABLE', 'SMS_UNAVAILABLE'],
  ],
  [
    'QQ and the SMS gateway are silent, and both are slow',
    () => {
      steady.sandbox.setFault({ mode: 'hang', on: 'token' });
      steady.sandbox.smsFault = 'hang';
      database.slow(700);
      redis.slow(300);
    },
    ['UNAVAILABLE', 'QQ_UNAVAILABLE'],
  ],
  [
    'QQ tells whose QQ it is after two seconds, and what the person is called never',
    () => {
      steady.sandbox.setFault({ mode: 'slow', on: 'me', ms: 2000 });
      redis.slow(900);
    },
    ['UNAVAILABLE', 'QQ_UNAVAILABLE'],
  ],
])(
  'a request while %s is answered within five seconds, and is served afterwards',
  async (what, breakIt, errors) => {
    const answered = await askEveryRoute(everyRoute(app, steady), breakIt);

    writeSync(1, `${what}: slowest ${Math.round(answered.slowest)} ms, ${expectHonest(answered, errors)}\n`);
    await Promise.all([database.pass(), redis.pass()]);
    steady.sandbox.setFault({ mode: 'none' });
    steady.sandbox.smsFault = 'none';
    await expectFullService(app, steady);
  },
  60_000,
);
