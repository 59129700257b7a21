import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { limitKey } from '../../src/limits/limits.js';
import { WRITE_RECEIPT } from '../../src/oauth/bind-receipts.js';
import { FORGET, SPEND, TRY } from '../../src/sms/sms-code-store.js';
import { APP_KEY, type App, startApp } from '../support/start-app.js';
import {
  type Answer,
  type BindForm,
  newMobile,
  newPassword,
  newQq,
  type Registered,
  type Shopper,
} from '../support/shopper.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

const QQ_TIMEOUT_MS = 700;
/** Milliseconds added to every bound, because the machine may be busy. */
const SLACK_MS = 2500;
const LIMITS = [
  'sms-per-mobile-minute=1000/60',
  'sms-per-mobile-hour=1000/60',
  'sms-tries-per-mobile-day=1000/60',
].join();

/** A service whose connections never break: the tests look at the stored rows and keys through it. */
let steady: App;
/** The service under test: its connections can be broken. */
let app: App;
let database: SwitchableProxy;
let redis: SwitchableProxy;
let qq: SwitchableProxy;
let owner: Registered;

beforeAll(async () => {
  steady = await startApp({ env: { LIMITS } });
  const { DATABASE_URL = '', REDIS_URL = '' } = steady.backends.env;
  [database, redis, qq] = await Promise.all([
    SwitchableProxy.to(DATABASE_URL),
    SwitchableProxy.to(REDIS_URL),
    SwitchableProxy.to(steady.sandbox.url),
  ]);
  app = await startApp({
    beside: steady,
    env: {
      LIMITS,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      QQ_BASE_URL: qq.url,
      QQ_TIMEOUT_MS: String(QQ_TIMEOUT_MS),
      QQ_UNIONID: 'true',
    },
  });
  owner = await app.shopper().register();
});

afterEach(async () => {
  // A server that is away is never reported as a bug of the service.
  expect(app.logRecorder.lines).not.toContain('INTERNAL_ERROR');
  app.sandbox.setFault({ mode: 'none' });
  app.sandbox.smsFault = 'none';
  await Promise.all([database.pass(), redis.pass(), qq.pass()]);
  await back();
});

afterAll(async () => {
  await app.close();
  await steady.close();
  await Promise.all([database.close(), redis.close(), qq.close()]);
});

/** Waits until the service is ready again without a restart. */
async function back(): Promise<void> {
  await vi.waitFor(async () => expect((await app.shopper().get('/health/ready')).status).toBe(200), {
    timeout: 10_000,
    interval: 50,
  });
}

/** The full service: from the picture to the bind and the QQ login. */
async function worksInFull(): Promise<void> {
  const shopper = app.shopper();
  const number = newQq();
  const bound = await shopper.bind(await shopper.bindForm({ qq: number }));
  expect(bound.status).toBe(200);
  expect((await shopper.get('/user/', bound.body.token)).status).toBe(200);
  expect((await app.shopper().loginWithQq(number)).body.user_id).toBe(bound.body.user_id);
}

async function timed<T>(work: Promise<T>): Promise<[T, milliseconds: number]> {
  const start = performance.now();
  return [await work, performance.now() - start];
}

/** Sends these requests. Each has to be answered with UNAVAILABLE, in the one error shape and in bounded time. */
async function saysSo(requests: readonly Promise<Answer>[], within: number): Promise<void> {
  const answers = await Promise.all(requests.map((request) => timed(request)));
  for (const [{ status, text }, took] of answers) {
    expect({ status, text }).toEqual({
      status: 503,
      text: '{"statusCode":503,"errorCode":"UNAVAILABLE","message":"服务暂不可用，请稍后再试"}',
    });
    expect(took).toBeLessThan(within + SLACK_MS);
  }
  expect((await app.shopper().get('/health/live')).status).toBe(200);
}

/** One request to each route that needs the database. */
async function toTheDatabase(form: BindForm, shopper: Shopper): Promise<(() => Promise<Answer>)[]> {
  const query = await shopper.approve(await shopper.start(), newQq());
  const { token, password } = owner;
  return [
    () => app.shopper().get('/health/ready'),
    () => app.shopper().get('/user/', token),
    () => app.shopper().get('/user/events/', token),
    () => app.shopper().get('/oauth/qq/bindings/', token),
    () => app.shopper().post('/authorizations/', { username: owner.username, password }),
    () => app.shopper().send('/authorizations/all/', { method: 'DELETE', token }),
    () => app.shopper().send('/oauth/qq/bindings/1/', { method: 'DELETE', token, body: { password } }),
    () => shopper.get(`/oauth/qq/users/?${query}`),
    () => shopper.bind(form),
  ];
}

describe('the database', () => {
  it.each([
    ['gone', 3000, () => (database.refuse(), database.reset())],
    ['silent', 2500, () => database.stall()],
  ] as const)(
    'the database is %s: every route that needs it says so, and all works when it is back',
    async (_how, within, breakIt) => {
      const shopper = app.shopper();
      const form = await shopper.bindForm();
      const requests = await toTheDatabase(form, shopper);

      breakIt();
      await saysSo(
        requests.map((request) => request()),
        within,
      );
      // Logging out needs only Redis.
      const { token } = (await steady.shopper().post('/authorizations/', owner)).body;
      expect((await app.shopper().send('/authorizations/', { method: 'DELETE', token })).status).toBe(204);

      await database.pass();
      await back();
      expect((await shopper.bind(form)).status).toBe(200);
      await worksInFull();
    },
  );

  it('idle connections that the database closed cost each request at most one retry', async () => {
    await worksInFull();
    database.reset();
    await back();

    await worksInFull();
  });

  it('the audit trail loses nothing while the database is away', async () => {
    database.refuse();
    database.reset();
    const before = (await steady.shopper().get('/user/events/', owner.token)).text;
    expect(before).not.toContain('10.77.77.77');
    const shopper = app.shopper();
    shopper.address = '10.77.77.77';
    // Refused for its token before the database is asked, so its audit row is written later.
    const body = { access_token: 'a.b.c', password: 'whatever-it-is', sms_code: '000000' };
    expect((await shopper.post('/oauth/qq/bindings/', body, owner.token)).body.errorCode).toBe(
      'BIND_TOKEN_INVALID',
    );

    await database.pass();

    await vi.waitFor(
      async () =>
        expect((await steady.shopper().get('/user/events/', owner.token)).text).toContain('10.77.77.77'),
      { timeout: 10_000, interval: 100 },
    );
  });
});

describe('Redis', () => {
  /** One request to each route that needs Redis. */
  async function routes(): Promise<(() => Promise<Answer>)[]> {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const query = await shopper.approve(await shopper.start(), newQq());
    const { token, password, username } = owner;
    const { mobile, sms_code } = form;
    const sms = { mobile: newMobile(), image_code_id: crypto.randomUUID(), image_code: 'AAAA' };
    return [
      () => app.shopper().get('/health/ready'),
      () => app.shopper().get('/oauth/qq/authorization/'),
      () => app.shopper().get(`/image_codes/${crypto.randomUUID()}/`),
      () => app.shopper().post('/sms_codes/', sms),
      () => app.shopper().get('/user/', token),
      () => app.shopper().get('/user/events/', token),
      () => app.shopper().post('/authorizations/', { username, password }),
      () => app.shopper().send('/authorizations/', { method: 'DELETE', token }),
      () =>
        app.shopper().send('/user/password/', {
          method: 'PUT',
          token,
          body: { old_password: password, new_password: newPassword() },
        }),
      () => app.shopper().post('/user/password/', { mobile, sms_code, password: newPassword() }),
      () =>
        app.shopper().post('/users/', { username: 'nobody_yet', mobile, sms_code, password: newPassword() }),
      () => shopper.get(`/oauth/qq/users/?${query}`),
      () => shopper.bind(form),
    ];
  }

  it.each([
    ['gone', 1000, () => (redis.refuse(), redis.reset())],
    ['silent', 3000, () => redis.stall()],
  ] as const)(
    'Redis is %s: every route that needs it says so (the guard refuses everyone), and all works when it is back',
    async (_how, within, breakIt) => {
      const requests = await routes();

      breakIt();
      await saysSo(
        requests.map((request) => request()),
        within,
      );

      await redis.pass();
      await back();
      await worksInFull();
    },
  );

  it('while Redis is away no SMS is sent, even with a right picture code', async () => {
    const mobile = newMobile();
    const shopper = app.shopper();
    const id = crypto.randomUUID();
    const image_code = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code');
    const send = () => shopper.post('/sms_codes/', { mobile, image_code_id: id, image_code });
    // The picture is used up, and then the connection breaks at the first limit.
    const cut = redis.cutBefore('sms-per-mobile-minute');

    const answer = await send();
    await cut;

    expect(answer.body.errorCode).toBe('UNAVAILABLE');
    redis.refuse();
    redis.reset();
    expect((await send()).body.errorCode).toBe('UNAVAILABLE');
    expect(app.sandbox.messages(mobile)).toEqual([]);
  });

  it('connections to Redis that a router forgot are replaced', async () => {
    redis.strand();

    await saysSo([app.shopper().get('/user/', owner.token)], 3000);
    await back();

    await worksInFull();
  });

  it('a Redis restarted without its scripts gets them again', async () => {
    await steady.redis.script('FLUSH');

    await worksInFull();
  });
});

describe('QQ', () => {
  const QQ_GONE = {
    status: 503,
    body: { errorCode: 'QQ_UNAVAILABLE', message: 'QQ服务暂不可用，请稍后再试' },
  };
  const count = async (table: string) =>
    Number((await steady.dataSource.query<{ n: number }[]>(`SELECT COUNT(*) AS n FROM ${table}`))[0]?.n);

  it.each([
    ['slow', 'token'],
    ['hang', 'token'],
    ['reset', 'token'],
    ['http500', 'token'],
    ['html', 'token'],
    ['truncated', 'token'],
    ['no_openid', 'token'],
    ['hang', 'me'],
    ['reset', 'me'],
    ['html', 'me'],
    ['truncated', 'me'],
    ['no_openid', 'me'],
    ['foreign_client', 'me'],
    ['no_unionid', 'me'],
  ] as const)(
    'fault %s of QQ at /%s: the answer says so in time, and nothing is stored',
    async (mode, on) => {
      const shopper = app.shopper();
      const query = await shopper.approve(await shopper.start(), newQq());
      const before = [await count('tb_users'), await count('tb_oauth_qq')];
      app.sandbox.setFault({ mode, on });

      const [answer, took] = await timed(shopper.get(`/oauth/qq/users/?${query}`));

      expect(answer).toMatchObject(QQ_GONE);
      expect(answer.text).not.toMatch(/token|openid|next/);
      expect(took).toBeLessThan(2 * QQ_TIMEOUT_MS + SLACK_MS);
      expect([await count('tb_users'), await count('tb_oauth_qq')]).toEqual(before);
      app.sandbox.setFault({ mode: 'none' });
      expect((await shopper.loginWithQq(newQq())).status).toBe(200);
    },
  );

  it('QQ is gone: the answer says so at once, logged-in people go on, and all works when it is back', async () => {
    const shopper = app.shopper();
    const query = await shopper.approve(
      (await shopper.start()).replace(qq.url, `${app.sandbox.url}/`),
      newQq(),
    );
    qq.refuse();
    qq.reset();

    const [answer, took] = await timed(shopper.get(`/oauth/qq/users/?${query}`));

    expect(answer).toMatchObject(QQ_GONE);
    expect(took).toBeLessThan(QQ_TIMEOUT_MS + SLACK_MS);
    expect((await shopper.post('/authorizations/', owner)).status).toBe(200);
    await qq.pass();
    await worksInFull();
  });

  it('QQ hangs for a hundred people without delaying anybody else', async () => {
    app.sandbox.setFault({ mode: 'hang', on: 'token' });
    const people = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const shopper = app.shopper();
        return { shopper, query: await shopper.approve(await shopper.start(), newQq()) };
      }),
    );

    const hanging = Promise.all(
      people.map(({ shopper, query }) => timed(shopper.get(`/oauth/qq/users/?${query}`))),
    );
    const [me, took] = await timed(app.shopper().post('/authorizations/', owner));

    expect(me.status).toBe(200);
    expect(took).toBeLessThan(SLACK_MS);
    for (const [answer, took] of await hanging) {
      expect(answer).toMatchObject(QQ_GONE);
      expect(took).toBeLessThan(QQ_TIMEOUT_MS + SLACK_MS);
    }
  });
});

describe('the SMS gateway', () => {
  const countsOf = (mobile: string) =>
    steady.redis.mget(
      (['sms-per-mobile-minute', 'sms-per-mobile-hour', 'sms-per-mobile-day'] as const).map((rule) =>
        limitKey(rule, mobile),
      ),
    );

  it('the SMS gateway refuses: the answer says so, the earlier code still works, and asking again is free', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const before = await countsOf(form.mobile);
    expect(before).toContain('1');
    app.sandbox.smsFault = 'refuse';

    const [answer, took] = await timed(shopper.askForSms(form.mobile));

    expect(answer).toMatchObject({
      status: 503,
      body: { errorCode: 'SMS_UNAVAILABLE', message: '短信发送失败，请稍后再试' },
    });
    expect(took).toBeLessThan(SLACK_MS);
    expect(await countsOf(form.mobile)).toEqual(before);
    app.sandbox.smsFault = 'none';
    expect((await shopper.bind(form)).status).toBe(200);
    expect((await shopper.askForSms(form.mobile)).status).toBe(200);
  });

  it.each([
    ['reset', 0],
    ['hang', 4000],
  ] as const)(
    'the SMS gateway may have sent the message (%s): 202 in less than five seconds, and it counts',
    async (fault, within) => {
      const shopper = app.shopper();
      const form = await shopper.bindForm();
      app.sandbox.smsFault = fault;

      const [answer, took] = await timed(shopper.askForSms(form.mobile));

      expect(answer).toMatchObject({ status: 202, body: { expires_in: 300, resend_after: 60 } });
      expect(took).toBeLessThan(within + SLACK_MS);
      expect(await countsOf(form.mobile)).toEqual(['2', '2', '2']);
    },
  );
});

/** The rows that a bind has left. */
async function left({
  mobile,
}: Pick<BindForm, 'mobile'>): Promise<{ accounts: number; bindings: number; events: number }> {
  const [row] = await steady.dataSource.query<Record<string, string>[]>(
    `SELECT COUNT(DISTINCT u.id) AS accounts, COUNT(DISTINCT q.id) AS bindings, COUNT(DISTINCT e.id) AS events
     FROM tb_users u LEFT JOIN tb_oauth_qq q ON q.user_id = u.id
     LEFT JOIN tb_account_event e ON e.user_id = u.id AND e.event IN ('registered', 'bound') WHERE u.mobile = ?`,
    [mobile],
  );
  return { accounts: Number(row?.accounts), bindings: Number(row?.bindings), events: Number(row?.events) };
}

/** Waits until the code is put back. The answer to the spend was lost, so that happens only now. */
async function codeIsBack({ mobile, sms_code }: BindForm): Promise<void> {
  await vi.waitFor(async () => expect(await steady.redis.get(`sms_${mobile}`)).toBe(sms_code), {
    timeout: 5000,
  });
}

const NOTHING = { accounts: 0, bindings: 0, events: 0 };
const EVERYTHING = { accounts: 1, bindings: 1, events: 2 };

describe('a bind of a new account', () => {
  const toDatabase = [
    ['looking for the account', 'FROM tb_users u WHERE u.mobile'],
    ['BEGIN', 'START TRANSACTION'],
    ['the account', 'INSERT INTO tb_users'],
    ['the binding', 'INSERT INTO tb_oauth_qq'],
    ['the audit trail', 'INSERT INTO tb_account_event'],
    ['COMMIT', 'COMMIT'],
  ] as const;
  const toRedis = [
    ['the limits', 'binds-per-token'],
    ['the look for a receipt', '\r\nhmget\r\n'],
    ['the try at the code', TRY.sha],
    ["the day's tries", 'sms-tries-per-mobile-day'],
    ['the receipt', WRITE_RECEIPT.sha],
    ['the spending', SPEND.sha],
    ['the deletion of the mark', FORGET.sha],
  ] as const;
  const cases = (['database', 'redis'] as const).flatMap((which) =>
    (which === 'database' ? toDatabase : toRedis).flatMap(([step, text]) =>
      (['before', 'after'] as const).flatMap((when) =>
        (['a moment', 'a while'] as const).map((long) => ({ which, step, text, when, long })),
      ),
    ),
  );

  it.each(cases)(
    'a bind whose connection to the $which breaks $when $step, for $long, is complete or absent, and a repeat succeeds',
    async ({ which, step, text, when, long }) => {
      const shopper = app.shopper();
      const form = await shopper.bindForm();
      const line = which === 'database' ? database : redis;
      const cutting = async () => {
        await (when === 'before' ? line.cutBefore(text) : line.cutAfter(text));
        if (long === 'a moment') return;
        line.refuse();
        line.reset();
      };
      const cut = cutting();

      const first = await shopper.bind(form);
      await cut;

      expect([200, 503]).toContain(first.status);
      if (first.status === 503) expect(first.body.errorCode).toBe('UNAVAILABLE');
      const after = await left(form);
      // The mark is deleted after the commit. On a slow machine the token may need Redis after that.
      const afterCommit = (step === 'COMMIT' && when === 'after') || step === 'the deletion of the mark';
      const committed = first.status === 200 || afterCommit;
      expect(after).toEqual(committed ? EVERYTHING : NOTHING);
      await line.pass();
      await back();
      if (step === 'the spending' && first.status !== 200) await codeIsBack(form);
      // With the same code: it was not lost.
      const again = await shopper.bind(form);
      expect(again.status, again.text).toBe(200);
      if (first.status === 200) expect(again.body.user_id).toBe(first.body.user_id);
      expect(await left(form)).toEqual(EVERYTHING);
    },
  );
});

it('the log says when Redis went away and when it came back, and contains no secret', async () => {
  const before = app.logRecorder.lines.length;
  const logged = () => app.logRecorder.lines.slice(before);

  redis.refuse();
  redis.reset();

  await vi.waitFor(() => expect(logged()).toContain('Redis went away'), { timeout: 10_000 });
  await redis.pass();
  await vi.waitFor(() => expect(logged()).toContain('Redis came back'), { timeout: 10_000 });
  expect(logged()).not.toContain(APP_KEY);
});
