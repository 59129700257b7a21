import { expect, vi } from 'vitest';
import { tally, writtenCode } from './fixtures.js';
import { type Answer, newMobile, newName, newPassword, newQq } from './shopper.js';
import type { App } from './start-app.js';

/** Milliseconds within which every request is answered, whatever is slow. */
const WITHIN = 5000;
const INTROSPECTION_KEY = 'introspection-key-for-tests-0123456789';

/** The environment of a service under test whose routes are all asked. */
export const EVERY_ROUTE = {
  INTROSPECTION_KEY,
  QQ_UNIONID: 'true',
  QQ_PROFILE: 'true',
  LIMITS: ['starts-per-ip', 'sms-per-ip-hour', 'sms-per-mobile-minute', 'sms-tries-per-mobile-day']
    .map((rule) => `${rule}=100000/60`)
    .join(),
} as const;

/** Prepares a request that does all of the route's work, and returns what sends it. */
export type PreparedRoute = () => Promise<() => Promise<Answer>>;

/**
 * For each documented route, by its name in `openapi.json`.
 *
 * @param app the service under test, started with the environment `EVERY_ROUTE`
 * @param steady a service on the same database and Redis, which prepares what needs no browser
 */
export function everyRoute(app: App, steady: App): Record<string, PreparedRoute> {
  async function loggedIn(method: string, path: string): Promise<() => Promise<Answer>> {
    const { token } = await steady.shopper().register();
    return () => app.shopper().send(path, { method, token });
  }

  async function bind(path: string): Promise<() => Promise<Answer>> {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    return () => shopper.post(path, form);
  }

  return {
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
      const shopper = app.shopper();
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
}

/** What every route answered, and in which time. */
export interface Answered {
  readonly answers: Answer[];
  /** Milliseconds until the last answer. */
  readonly slowest: number;
  /** Milliseconds by which this process itself was late. Client and service share its clock. */
  readonly late: number;
}

/** Prepares a request to every route, breaks something, and sends all of them at once. */
export async function askEveryRoute(
  routes: Record<string, PreparedRoute>,
  breakIt: () => unknown,
): Promise<Answered> {
  const prepared: (() => Promise<Answer>)[] = [];
  for (const prepare of Object.values(routes)) prepared.push(await prepare());
  await breakIt();
  const start = performance.now();
  let slowest = 0;
  const answering = Promise.all(
    prepared.map(async (send) => {
      const answer = await send();
      slowest = Math.max(slowest, performance.now() - start);
      return answer;
    }),
  );
  const late = await lateness(answering);
  return { answers: await answering, slowest, late };
}

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

/** The number of accounts of a bind or registration without their audit row or QQ. */
async function halfDone({ dataSource }: App): Promise<number> {
  const [row] = await dataSource.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM tb_users u WHERE NOT EXISTS
       (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'registered')
     OR (EXISTS (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'bound') AND NOT EXISTS
       (SELECT 1 FROM tb_account_event e WHERE e.user_id = u.id AND e.event IN ('unbound', 'closed'))) <>
        EXISTS (SELECT 1 FROM tb_oauth_qq q WHERE q.user_id = u.id)`,
  );
  return Number(row?.n);
}

/**
 * Checks that every answer is a success or one of these errors, and that none came later than five seconds.
 * @returns how many answers had each `errorCode` or status, for the log
 */
export function expectHonest({ answers, slowest, late }: Answered, errors: readonly string[]): string {
  const codes = tally(answers);
  const allowed = new Set(['200', '201', '202', '204', ...errors]);
  expect(Object.keys(codes).filter((code) => !allowed.has(code))).toEqual([]);
  expect(slowest).toBeLessThan(WITHIN + late);
  return JSON.stringify(codes);
}

/** Waits until the service is ready, and checks that it binds and that no request left something half done. */
export async function expectFullService(app: App, steady: App): Promise<void> {
  await vi.waitFor(async () => expect((await app.shopper().get('/health/ready')).status).toBe(200), {
    timeout: 10_000,
  });
  expect(await halfDone(steady)).toBe(0);
  const shopper = app.shopper();
  const bound = await shopper.bind(await shopper.bindForm());
  expect(bound.status, bound.text).toBe(200);
}
