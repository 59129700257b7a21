import { readFileSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { tally, writtenCode } from '../support/fixtures.js';
import { type Answer, newMobile, newName, newPassword, newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

/** Milliseconds within which every request is answered, whatever is slow. */
const WITHIN = 5000;
const INTROSPECTION_KEY = 'introspection-key-for-tests-0123456789';
const LIMITS = ['starts-per-ip', 'sms-per-ip-hour', 'sms-per-mobile-minute', 'sms-tries-per-mobile-day']
  .map((rule) => `${rule}=100000/60`)
  .join();

/** A service whose connections never break: prepares requests and reads what is stored. */
let steady: App;
/** The service under test: its connections can be slowed. */
let app: App;
let database: SwitchableProxy;
let redis: SwitchableProxy;

beforeAll(async () => {
  steady = await startApp({ env: { LIMITS } });
  const { DATABASE_URL = '', REDIS_URL = '' } = steady.backends.env;
  [database, redis] = await Promise.all([SwitchableProxy.to(DATABASE_URL), SwitchableProxy.to(REDIS_URL)]);
  app = await startApp({
    beside: steady,
    env: {
      LIMITS,
      INTROSPECTION_KEY,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      QQ_UNIONID: 'true',
      QQ_PROFILE: 'true',
    },
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

/** For each documented route: prepares a request that does all of the route's work, and returns what sends it. */
const ROUTES: Record<string, () => Promise<() => Promise<Answer>>> = {
  'GET /health/live': async () => () => app.shopper().get('/health/live'),
  'GET /health/ready': async () => () => app.shopper().get('/health/ready'),
  'GET /page_settings/': async () => () => app.shopper().get('/page_settings/'),
  'GET /image_codes/{id}/': async () => () => app.shopper().get(`/image_codes/${crypto.randomUUID()}/`),
  'GET /human_checks/': async () => () => app.shopper().get('/human_checks/'),
  'POST /authorizations/': async () => {
    const { username, password } = await steady.shopper().register();
    return () => app.shopper().post('/authorizations/', { username, password });
  },
  'DELETE /authorizations/': async () => loggedIn('DELETE', '/authorizations/'),
  'POST /authorizations/sms/': async () => {
    const mobile = newMobile();
    const sms_code = await writtenCode(steady, mobile);
    return () => app.shopper().post('/authorizations/sms/', { mobile, sms_code });
  },
  'DELETE /authorizations/all/': async () => loggedIn('DELETE', '/authorizations/all/'),
  'POST /authorizations/introspection/': async () => {
    const { token } = await steady.shopper().register();
    return () => app.shopper().post('/authorizations/introspection/', { token }, INTROSPECTION_KEY);
  },
  'POST /sms_codes/': async () => {
    const shopper = Object.assign(app.shopper());
    const id = crypto.randomUUID();
    const image_code = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code');
    return () => shopper.post('/sms_codes/', { mobile: newMobile(), image_code_id: id, image_code });
  },
  'POST /users/': async () => {
    const mobile = newMobile();
    const sms_code = await writtenCode(steady, mobile);
    const form = { username: newName(), password: newPassword(), mobile, sms_code };
    return () => app.shopper().post('/users/', form);
  },
  'GET /user/': async () => loggedIn('GET', '/user/'),
  'DELETE /user/': async () => {
    const { token, mobile, password } = await steady.shopper().register();
    const sms_code = await writtenCode(steady, mobile);
    return () => app.shopper().send('/user/', { method: 'DELETE', token, body: { password, sms_code } });
  },
  'PUT /user/password/': async () => {
    const { token, password: old_password } = await steady.shopper().register();
    const body = { old_password, new_password: newPassword() };
    return () => app.shopper().send('/user/password/', { method: 'PUT', token, body });
  },
  'POST /user/password/': async () => {
    const { mobile } = await steady.shopper().register();
    const sms_code = await writtenCode(steady, mobile);
    return () => app.shopper().post('/user/password/', { mobile, sms_code, password: newPassword() });
  },
  'PUT /user/mobile/': async () => {
    const { token, password } = await steady.shopper().register();
    const mobile = newMobile();
    const body = { mobile, password, sms_code: await writtenCode(steady, mobile) };
    return () => app.shopper().send('/user/mobile/', { method: 'PUT', token, body });
  },
  'GET /user/events/': async () => loggedIn('GET', '/user/events/'),
  'GET /oauth/qq/authorization/': async () => () => app.shopper().get('/oauth/qq/authorization/'),
  'GET /oauth/qq/users/': async () => {
    const shopper = app.shopper();
    const query = await shopper.approve(await shopper.start(), newQq());
    return () => shopper.get(`/oauth/qq/users/?${query}`);
  },
  'POST /oauth/qq/users/': async () => bind('/oauth/qq/users/'),
  'POST /oauth/qq/user/': async () => bind('/oauth/qq/user/'),
  'GET /oauth/qq/bindings/': async () => {
    const shopper = app.shopper();
    const { token } = (await shopper.bind(await shopper.bindForm())).body;
    return () => shopper.get('/oauth/qq/bindings/', token);
  },
  'POST /oauth/qq/bindings/': async () => {
    const shopper = app.shopper();
    const { token, mobile, password } = await shopper.register();
    const access_token = await shopper.bindToken();
    const body = { access_token, password, sms_code: await writtenCode(steady, mobile) };
    return () => shopper.post('/oauth/qq/bindings/', body, token);
  },
  'DELETE /oauth/qq/bindings/{id}/': async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { token } = (await shopper.bind(form)).body;
    const [{ id }] = (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as [{ id: number }];
    const options = { method: 'DELETE', token, body: { password: form.password } };
    return () => shopper.send(`/oauth/qq/bindings/${id}/`, options);
  },
};

async function loggedIn(method: string, path: string): Promise<() => Promise<Answer>> {
  const { token } = await steady.shopper().register();
  return () => app.shopper().send(path, { method, token });
}

async function bind(path: string): Promise<() => Promise<Answer>> {
  const shopper = app.shopper();
  const form = await shopper.bindForm();
  return () => shopper.post(path, form);
}

/** Milliseconds by which this process itself was late. Client and service share its clock. */
async function lateness(work: Promise<unknown>): Promise<number> {
  let late = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    late = Math.max(late, now - last - 20);
    last = now;
  }, 20);
  await work;
  clearInterval(timer);
  return late;
}

/** Accounts of a bind or registration without their audit row or QQ. */
async function halfDone(): Promise<number> {
  const [row] = await steady.dataSource.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM tb_users u WHERE NOT EXISTS
       (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'registered')
     OR (EXISTS (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'bound') AND NOT EXISTS
       (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event IN ('unbound', 'closed'))) <>
        EXISTS (SELECT 1 FROM tb_oauth_qq q WHERE q.user_id = u.id)`,
  );
  return Number(row?.n);
}

it('every documented route is in the table', () => {
  const file = resolve(import.meta.dirname, '../../openapi.json');
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, object> };
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );

  expect(Object.keys(ROUTES).toSorted()).toEqual(documented.toSorted());
});

it.each([
  ['the database is slow', () => database.slow(2000)],
  ['the database is silent', () => database.stall()],
  ['Redis is slow', () => redis.slow(1900)],
  ['Redis is silent', () => redis.stall()],
  ['both are slow', () => (database.slow(1500), redis.slow(500))],
  ['both are silent', () => (database.stall(), redis.stall())],
  [
    'QQ and the SMS gateway are silent, and both are slow',
    () => {
      steady.sandbox.setFault({ mode: 'hang', on: 'token' });
      steady.sandbox.smsFault = 'hang';
      database.slow(700);
      redis.slow(300);
    },
  ],
  [
    'QQ tells whose QQ it is after two seconds, and what the person is called never',
    () => {
      steady.sandbox.setFault({ mode: 'slow', on: 'me', ms: 2000 });
      redis.slow(900);
    },
  ],
])(
  'a request while %s is answered within five seconds, and is served afterwards',
  async (what, breakIt) => {
    const prepared: (() => Promise<Answer>)[] = [];
    for (const prepare of Object.values(ROUTES)) prepared.push(await prepare());
    breakIt();

    const took: number[] = [];
    const answering = Promise.all(
      prepared.map(async (send) => {
        const start = performance.now();
        const answer = await send();
        took.push(performance.now() - start);
        return answer;
      }),
    );
    const late = await lateness(answering);
    const answers = await answering;

    const codes = tally(answers);
    writeSync(1, `${what}: slowest ${Math.round(Math.max(...took))} ms, ${JSON.stringify(codes)}\n`);
    const allowed = new Set(['200', '201', '202', '204', 'UNAVAILABLE', 'QQ_UNAVAILABLE']);
    expect(Object.keys(codes).filter((code) => !allowed.has(code))).toEqual([]);
    expect(Math.max(...took)).toBeLessThan(WITHIN + late);

    await Promise.all([database.pass(), redis.pass()]);
    steady.sandbox.setFault({ mode: 'none' });
    steady.sandbox.smsFault = 'none';
    await vi.waitFor(async () => expect((await app.shopper().get('/health/ready')).status).toBe(200), {
      timeout: 10_000,
    });
    expect(await halfDone()).toBe(0);
    const shopper = app.shopper();
    const bound = await shopper.bind(await shopper.bindForm());
    expect(bound.status, bound.text).toBe(200);
  },
  60_000,
);
