import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WRITE_RECEIPT } from '../../src/oauth/bind-receipts.js';
import { SPEND, TRY } from '../../src/sms/sms-code-store.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';
import { ServiceProcess } from '../support/service-process.js';
import { newName, newPassword, newQq, type BindForm, Shopper } from '../support/shopper.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

const LIMITS = ['sms-per-mobile-minute=1000/60', 'sms-tries-per-mobile-day=1000/60'].join();

const KEPT_SECRET = resolve(import.meta.dirname, '../../dist/src/config/kept-secret.js');

/** The other instance, which keeps running. */
let survivor: App;
let database: SwitchableProxy;
let redis: SwitchableProxy;
const running = new Set<ServiceProcess>();

beforeAll(async () => {
  survivor = await startApp({ env: { LIMITS } });
  const { DATABASE_URL = '', REDIS_URL = '' } = survivor.backends.env;
  [database, redis] = await Promise.all([SwitchableProxy.to(DATABASE_URL), SwitchableProxy.to(REDIS_URL)]);
});

afterEach(() => Promise.all([database.pass(), redis.pass()]));

afterAll(async () => {
  await Promise.all([...running].map((service) => service.stop('SIGKILL')));
  await survivor.close();
  await Promise.all([database.close(), redis.close()]);
});

/** The environment of a second instance. */
function environment(): Record<string, string> {
  return { ...environmentBeside(survivor), LIMITS, DATABASE_URL: database.url, REDIS_URL: redis.url };
}

async function start(env: Record<string, string | undefined> = {}): Promise<ServiceProcess> {
  const service = await ServiceProcess.start({ ...environment(), ...env }, survivor.logRecorder);
  running.add(service);
  return service;
}

/** The same browser and phone, at another instance. */
function at(service: ServiceProcess, { cookie, address }: Shopper): Shopper {
  return Object.assign(new Shopper(service.url, survivor.sandbox, survivor.logRecorder), { cookie, address });
}

/** The rows that a bind has left. */
async function left({ mobile }: Pick<BindForm, 'mobile'>): Promise<Record<string, number>> {
  const [row] = await survivor.dataSource.query<Record<string, string>[]>(
    `SELECT COUNT(DISTINCT u.id) AS accounts, COUNT(DISTINCT q.id) AS bindings, COUNT(DISTINCT e.id) AS events
     FROM tb_users u LEFT JOIN tb_oauth_qq q ON q.user_id = u.id
     LEFT JOIN tb_account_event e ON e.user_id = u.id AND e.event IN ('registered', 'bound') WHERE u.mobile = ?`,
    [mobile],
  );
  return Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)]));
}

const NOTHING = { accounts: 0, bindings: 0, events: 0 };
const EVERYTHING = { accounts: 1, bindings: 1, events: 2 };

describe('a service killed in the middle of a bind', () => {
  /** The steps of a bind in their order. */
  const steps = [
    ['the look for a receipt', 'redis', '\r\nhmget\r\n'],
    ['the try at the code', 'redis', TRY.sha],
    ['BEGIN', 'database', 'START TRANSACTION'],
    ['the account', 'database', 'INSERT INTO tb_users'],
    ['the binding', 'database', 'INSERT INTO tb_oauth_qq'],
    ['the audit trail', 'database', 'INSERT INTO tb_account_event'],
    ['the receipt', 'redis', WRITE_RECEIPT.sha],
    ['the spending', 'redis', SPEND.sha],
    ['COMMIT', 'database', 'COMMIT'],
  ] as const;
  // After each step is the same as before the next one.
  const cases = [
    ...steps.map(([step, which, text]) => ({ step, which, text, when: 'before' as const })),
    ...steps.slice(-1).map(([step, which, text]) => ({ step, which, text, when: 'after' as const })),
  ];
  /** Started while the previous process is being checked. */
  let next: Promise<ServiceProcess>;

  beforeAll(() => {
    next = start();
  });

  it.each(cases)(
    'a process killed $when $step leaves all or nothing of a bind, and its owner can bind',
    async ({ step, which, text, when }) => {
      const shopper = survivor.shopper();
      const qq = newQq();
      const form = await shopper.bindForm({ qq });
      const service = await next;
      const line = which === 'database' ? database : redis;
      // Nothing else uses these connections, and the service's own trail has nothing to write yet.
      const reached = when === 'before' ? line.holdBefore(text) : line.holdAfter(text);

      const unanswered = at(service, shopper)
        .bind(form)
        .then(
          ({ status }) => status,
          (error: unknown) => error,
        );
      await reached;
      expect(await service.stop('SIGKILL')).toBe('SIGKILL');
      running.delete(service);
      next = start();

      expect(await unanswered).toBeInstanceOf(TypeError);
      const committed = step === 'COMMIT' && when === 'after';
      expect(await left(form)).toEqual(committed ? EVERYTHING : NOTHING);
      let again = await shopper.bind(form);
      if (step === 'COMMIT' && when === 'before') {
        expect(again.body.errorCode).toBe('SMS_CODE_INVALID');
        again = await shopper.bind({ ...form, sms_code: await shopper.smsCode(form.mobile) });
      }
      expect(again.status, again.text).toBe(200);
      expect(await left(form)).toEqual(EVERYTHING);
      expect((await shopper.loginWithQq(qq)).body.user_id).toBe(again.body.user_id);
    },
  );

  afterAll(async () => {
    await (await next).stop('SIGKILL');
  });
});

describe('SIGTERM', () => {
  it('SIGTERM lets requests finish, writes the trail, and exits with 0', async () => {
    const service = await start();
    const shopper = at(service, survivor.shopper());
    const form = await shopper.bindForm();
    const query = await shopper.approve(await shopper.start(), newQq());
    const guessing = at(service, survivor.shopper());
    const { token } = await guessing.register();
    const guess = { old_password: newPassword(), new_password: newPassword() };
    survivor.sandbox.setFault({ mode: 'slow', on: 'token', ms: 1500 });
    const asked = survivor.sandbox.requests.token;

    const slow = shopper.get(`/oauth/qq/users/?${query}`);
    await vi.waitFor(() => expect(survivor.sandbox.requests.token).toBe(asked + 1));
    const started = performance.now();
    const [bound, ended] = await Promise.all([
      shopper.bind(form),
      guessing
        .send('/user/password/', { method: 'PUT', body: guess, token })
        .then(() => service.stop('SIGTERM')),
    ]);
    const answer = await slow;
    survivor.sandbox.setFault({ mode: 'none' });

    expect(bound.status).toBe(200);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.access_token).toBeDefined();
    expect(ended).toBe(0);
    expect(performance.now() - started).toBeLessThan(8000);
    const rows = await survivor.dataSource.query<{ reason: string }[]>(
      "SELECT reason FROM tb_account_event WHERE ip = ? AND event = 'refused'",
      [guessing.address],
    );
    expect(rows).toEqual([{ reason: 'PASSWORD_INVALID' }]);
    running.delete(service);
  });

  it('SIGTERM does not wait forever for a request that is never completed', async () => {
    const service = await start();
    const { hostname, port } = new URL(service.url);
    const slowClient = connect(Number(port), hostname);
    slowClient.on('error', () => slowClient.destroy());
    await new Promise((resolve) =>
      slowClient.write('POST /users/ HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\n{', resolve),
    );
    const started = performance.now();

    expect(await service.stop('SIGTERM')).toBe(0);

    expect(performance.now() - started).toBeLessThan(13_000);
    slowClient.destroy();
    running.delete(service);
  });

  it('SIGTERM ends the process while the database and Redis do not answer', async () => {
    const service = await start();
    await at(service, survivor.shopper()).post('/authorizations/', {
      username: 'nobody',
      password: 'at-all-123',
    });
    database.stall();
    redis.stall();
    const started = performance.now();

    const ended = await service.stop('SIGTERM');

    // Within the grace period (8 s) plus 2 s. The exit code is 0, because the trail's last write gives up earlier.
    expect(ended).toBe(0);
    expect(performance.now() - started).toBeLessThan(12_000);
    running.delete(service);
  });

  it('SIGTERM makes readiness fail and closes connections, while the listener stays open for the drain time', async () => {
    const service = await start({ SHUTDOWN_DRAIN_S: '3' });
    const before = await fetch(`${service.url}/health/live`);
    const started = performance.now();

    const ended = service.stop('SIGTERM');

    await vi.waitFor(async () => expect((await fetch(`${service.url}/health/ready`)).status).toBe(503), {
      timeout: 2000,
      interval: 20,
    });
    // A new connection, and a request that is not a probe, are still served.
    const shopper = at(service, survivor.shopper());
    const bound = await shopper.bind(await shopper.bindForm());
    expect(bound.status, bound.text).toBe(200);
    expect(before.headers.get('connection')).toBe('keep-alive');
    expect(bound.headers.get('connection')).toBe('close');
    expect(await ended).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(2900);
    expect(performance.now() - started).toBeLessThan(6000);
    await expect(fetch(`${service.url}/health/live`)).rejects.toThrow();
    running.delete(service);
  });

  it('SIGTERM with a full queue of password hashes answers every request before it cuts connections', async () => {
    const service = await start({ BCRYPT_COST: '13', HASH_LANES: '1', SHUTDOWN_GRACE_S: '5' });
    let answered = 0;
    // Twenty hashes of half a second or more, each for another network.
    const logins = Array.from({ length: 20 }, async () => {
      const form = { username: newName(), password: newPassword() };
      const { body, headers } = await at(service, survivor.shopper()).post('/authorizations/', form);
      answered += 1;
      return { code: body.errorCode, retryAfter: headers.get('retry-after') };
    });
    const ends = Promise.allSettled(logins);
    await vi.waitFor(() => expect(answered).toBeGreaterThan(0), { timeout: 20_000 });

    expect(await service.stop('SIGTERM')).toBe(0);

    const codes: Record<string, number> = {};
    for (const end of await ends) {
      const code = end.status === 'fulfilled' ? (end.value.code ?? 'none') : 'cut off';
      codes[code] = (codes[code] ?? 0) + 1;
      if (code === 'OVERLOADED' && end.status === 'fulfilled') expect(end.value.retryAfter).toMatch(/^[1-9]/);
    }
    expect(Object.keys(codes).toSorted()).toEqual(['CREDENTIALS_INVALID', 'OVERLOADED']);
    running.delete(service);
  }, 60_000);

  it('SIGTERM ends a start that still loads its packages', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'qq-account-service-signal-'));
    // The signal comes while the first package with a binary is loaded.
    const preload = join(directory, 'preload.cjs');
    writeFileSync(
      preload,
      `const load = process.dlopen;
       process.dlopen = (...args) => { process.kill(process.pid, 'SIGTERM'); return load.apply(process, args); };`,
    );

    const service = await ServiceProcess.spawn({ ...environment(), NODE_OPTIONS: `--require ${preload}` });

    expect(await service.ended).toBe(0);
    rmSync(directory, { recursive: true });
  });

  it('SIGTERM ends a start that waits for the database', async () => {
    database.refuse();
    const service = await ServiceProcess.spawn(environment(), survivor.logRecorder);
    await vi.waitFor(() => expect(service.output).toContain('Unable to connect to the database'), {
      timeout: 20_000,
      interval: 50,
    });
    const started = performance.now();

    expect(await service.stop('SIGTERM')).toBe(0);

    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('a second SIGTERM ends the process at once', async () => {
    const service = await start({ SHUTDOWN_DRAIN_S: '60' });
    void service.stop('SIGTERM');
    await vi.waitFor(async () => expect((await fetch(`${service.url}/health/ready`)).status).toBe(503));

    expect(await service.stop('SIGTERM')).toBe(1);

    running.delete(service);
  });
});

describe('at boot', () => {
  it('ten processes that start at once make one secret', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'qq-account-service-secret-'));
    const script = `import(${JSON.stringify(KEPT_SECRET)}).then((m) => console.log(m.withKeptSecret({}).JWT_SECRET))`;
    const run = promisify(execFile);

    const outputs = await Promise.all(
      Array.from({ length: 10 }, () => run(process.execPath, ['-e', script], { cwd: directory })),
    );

    const secrets = outputs.map(({ stdout }) => stdout.trim());
    expect(secrets[0]).toMatch(/^[\w-]{43}$/);
    expect(new Set(secrets).size).toBe(1);
    rmSync(directory, { recursive: true });
  });

  it('a start is one line of the log', async () => {
    const service = await start({ LOG_LEVEL: 'info' });

    await vi.waitFor(() => expect(service.output).toContain('Service started'));
    expect(service.output.split('\n').filter((line) => line.includes('INFO'))).toHaveLength(1);
    await service.stop('SIGTERM');
  });

  it('a port in use is reported by one sentence', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;

    const service = await ServiceProcess.spawn({ ...environment(), PORT: String(port) });

    expect(await service.ended).toBe(1);
    expect(service.output).toContain(`PORT: ${port} is in use by another program: stop it, or set PORT`);
    expect(service.output).not.toMatch(/\bat .*:\d+:\d+/);
    taken.close();
  });

  it('a start waits for Redis a little, continues without it, says so, and works when Redis is back', async () => {
    redis.refuse();

    const service = await start();

    const ready = async () => (await fetch(`${service.url}/health/ready`)).status;
    expect(await ready()).toBe(503);
    await redis.pass();
    await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 10_000, interval: 100 });
    const shopper = at(service, survivor.shopper());
    expect((await shopper.bind(await shopper.bindForm())).status).toBe(200);
    await service.stop('SIGTERM');
    running.delete(service);
  });

  it('a start waits for a database that is starting', async () => {
    database.refuse();
    const service = await ServiceProcess.spawn(environment(), survivor.logRecorder);
    await vi.waitFor(() => expect(service.output).toContain('Unable to connect to the database'), {
      timeout: 20_000,
      interval: 50,
    });

    await database.pass();

    await service.answering();
    const shopper = at(service, survivor.shopper());
    expect((await shopper.bind(await shopper.bindForm())).status).toBe(200);
    expect(await service.stop('SIGTERM')).toBe(0);
  });

  it('a start while the database or Redis is slow or silent waits or serves, and works in full when that is over', async () => {
    const { DATABASE_URL = '', REDIS_URL = '' } = survivor.backends.env;
    const slow = (line: SwitchableProxy) => line.slow(2000);
    const silent = (line: SwitchableProxy) => line.stall();
    const faults = [
      ['the database is slow', [slow, undefined]],
      ['the database is silent', [silent, undefined]],
      ['Redis is slow', [undefined, slow]],
      ['Redis is silent', [undefined, silent]],
      ['both are silent', [silent, silent]],
    ] as const;

    const starts = faults.map(async ([what, breakThem]) => {
      const lines = [await SwitchableProxy.to(DATABASE_URL), await SwitchableProxy.to(REDIS_URL)] as const;
      lines.forEach((line, which) => breakThem[which]?.(line));
      const [own, other] = lines;
      const env = { ...environment(), DATABASE_URL: own.url, REDIS_URL: other.url };
      const service = await ServiceProcess.spawn(env, survivor.logRecorder);
      running.add(service);
      const status = (probe: string) =>
        fetch(`${service.url}/health/${probe}`).then(
          (answer) => answer.status,
          () => 0,
        );
      // The service waits for the database and says so. It starts without Redis after a while.
      await vi.waitFor(
        async () =>
          expect((await status('live')) === 200 || service.output.includes('Unable to connect'), what).toBe(
            true,
          ),
        { timeout: 40_000, interval: 200 },
      );

      await Promise.all(lines.map((line) => line.pass()));

      await vi.waitFor(async () => expect(await status('ready'), what).toBe(200), {
        timeout: 20_000,
        interval: 100,
      });
      const shopper = at(service, survivor.shopper());
      expect((await shopper.bind(await shopper.bindForm())).status, what).toBe(200);
      expect(await service.stop('SIGTERM'), what).toBe(0);
      running.delete(service);
      await Promise.all(lines.map((line) => line.close()));
    });

    await Promise.all(starts);
  }, 90_000);

  it('a start ends at once when the database or Redis refuses our credentials, and the message quotes nothing', async () => {
    const wrong = [
      ['DATABASE_URL', { password: 'hunter2-of-mine' }],
      ['DATABASE_URL', { username: 'nobody-hunter2' }],
      ['DATABASE_URL', { pathname: '/no_such_hunter2' }],
      ['REDIS_URL', { username: 'nobody', password: 'hunter2-of-mine' }],
      ['REDIS_URL', { pathname: '/99999' }],
    ] as const;

    const refused = await Promise.all(
      wrong.map(async ([name, change]) => {
        const url = Object.assign(new URL(survivor.backends.env[name] ?? ''), change);
        const service = await ServiceProcess.spawn({ ...environment(), [name]: url.href });
        return { name, ended: await service.ended, output: service.output };
      }),
    );

    for (const { name, ended, output } of refused) {
      expect(ended).toBe(1);
      expect(output).toContain(`${name}: `);
      expect(output).not.toMatch(/hunter2|\bat .*:\d+:\d+/);
    }
  });

  it('a start in production names every missing variable, and no value', async () => {
    const [bare, weak] = await Promise.all([
      ServiceProcess.spawn({ NODE_ENV: 'production' }),
      ServiceProcess.spawn({
        ...environment(),
        NODE_ENV: 'production',
        JWT_SECRET: 'hunter2'.repeat(6),
        QQ_APP_ID: 'hunter2',
      }),
    ]);

    expect([await bare.ended, await weak.ended]).toEqual([1, 1]);

    for (const name of [
      'DATABASE_URL',
      'REDIS_URL',
      'JWT_SECRET',
      'PUBLIC_URL',
      'QQ_APP_ID',
      'QQ_APP_KEY',
      'QQ_REDIRECT_URI',
      'SMS_GATEWAY',
    ])
      expect(bare.output).toContain(`${name}: `);
    for (const name of ['JWT_SECRET', 'QQ_APP_ID', 'SMS_GATEWAY', 'BCRYPT_COST', 'IMAGE_CODE_HEADER'])
      expect(weak.output).toContain(`${name}: `);
    for (const { output } of [bare, weak]) expect(output).not.toMatch(/hunter2|\bat .*:\d+:\d+/);
  });
});
