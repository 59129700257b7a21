import { writeSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  askEveryRoute,
  EVERY_ROUTE,
  everyRoute,
  expectFullService,
  expectHonest,
} from '../support/every-route.js';
import { RefusingRedis } from '../support/refusing-redis.js';
import { redisProgram, type RunningServer, startRedis } from '../support/servers.js';
import { type Answer, newQq, type Registered } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';
import { Redis } from 'ioredis';

let app: App;
let steady: App;
let line: SwitchableProxy;
let owner: Registered;

beforeAll(async () => {
  steady = await startApp();
  line = await SwitchableProxy.to(steady.backends.env.REDIS_URL!);
  app = await startApp({ beside: steady, env: { ...EVERY_ROUTE, REDIS_URL: line.url } });
  owner = await app.shopper().register();
});

afterEach(async () => {
  line.retarget(steady.backends.env.REDIS_URL!);
  await line.pass();
  line.reset();
  await inFullService();
});

afterAll(async () => {
  await app.close();
  await steady.close();
  await line.close();
});

const ready = () => app.shopper().get('/health/ready');

/** Waits until the service works again without a restart. */
async function inFullService(): Promise<void> {
  await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 5000, interval: 50 });
  const shopper = app.shopper();
  const bound = await shopper.bind(await shopper.bindForm({ qq: newQq() }));
  expect(bound.status, bound.text).toBe(200);
  expect((await shopper.get('/user/', bound.body.token)).status).toBe(200);
}

/** The number of requests that `everyKind` sends. */
const KINDS = 6;

/** One request for each kind of command: a script, a SET, an MGET, an HMGET. */
async function everyKind(): Promise<Answer[]> {
  const shopper = app.shopper();
  return Promise.all([
    ready(),
    shopper.get('/oauth/qq/authorization/?next=/'),
    shopper.get('/user/', owner.token),
    shopper.post('/authorizations/', owner),
    shopper.send('/authorizations/', { method: 'DELETE', token: owner.token }),
    shopper.get(`/image_codes/${crypto.randomUUID()}/`),
  ]);
}

const UNAVAILABLE = { status: 503, code: 'UNAVAILABLE' };
const short = ({ status, body }: Answer) => ({ status, code: body.errorCode });

describe('a Redis that refuses commands under an open connection', () => {
  it.each([
    ['READONLY', "READONLY You can't write against a read only replica."],
    ['READONLY', "READONLY You can't write against a read only replica. script: 4a2, on @user_script:5."],
    [
      'READONLY',
      "ERR Error running script (call to f_6b1): @user_script:5: @user_script: 5: -READONLY You can't write against a read only replica.",
    ],
    ['LOADING', 'LOADING Redis is loading the dataset in memory'],
    ['MASTERDOWN', "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."],
    ['CLUSTERDOWN', 'CLUSTERDOWN The cluster is down'],
    ['NOREPLICAS', 'NOREPLICAS Not enough good replicas to write.'],
    ['MISCONF', 'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist'],
    ['OOM', "OOM command not allowed when used memory > 'maxmemory'."],
    ['UNKILLABLE', 'UNKILLABLE Sorry the script already executed write commands'],
    ['max number of clients', 'ERR max number of clients reached'],
    ['NOAUTH', 'NOAUTH Authentication required.'],
    ['DENIED', 'DENIED Redis is running in protected mode'],
  ])(
    'a Redis with %s (%s) counts as away, and the connection moves to the server that takes over',
    async (word, error) => {
      const refusing = await RefusingRedis.start(error);
      try {
        line.retarget(refusing.url);
        line.reset();
        await vi.waitFor(
          async () => {
            expect((await ready()).status).toBe(503);
            expect(refusing.refused).toBeGreaterThan(0);
          },
          { timeout: 5000, interval: 20 },
        );

        const answers = await everyKind();

        expect(answers.map(short)).toEqual(answers.map(() => UNAVAILABLE));
        expect((await app.shopper().get('/health/live')).status).toBe(200);
        expect(app.logRecorder.lines).toContain(`"word":"${word}"`);
        // The connection stays open, so it is the service that closes it.
        line.retarget(steady.backends.env.REDIS_URL!);
        await inFullService();
      } finally {
        refusing.stop();
      }
    },
  );

  it('a Redis that refuses commands does not fill the log', async () => {
    const refusing = await RefusingRedis.start('NOREPLICAS Not enough good replicas to write.');
    try {
      line.retarget(refusing.url);
      line.reset();
      const count = (text: string) => app.logRecorder.lines.split(text).length - 1;
      const refusals = () => count('"word":"NOREPLICAS"');
      const errors = () => count('"msg":"UNAVAILABLE"');
      await everyKind();
      const before = [refusals(), errors()] as const;
      const start = performance.now();

      let requests = 0;
      for (let round = 0; round < 20; round++)
        requests += (await everyKind()).filter(({ status }) => status === 503).length;

      expect(refusing.refused).toBeGreaterThan(0);
      expect(refusals()).toBeLessThanOrEqual(Math.max(1, before[0]));
      // One line in ten seconds for each route and cause, and at most two causes.
      const lines = errors() - before[1];
      const tens = Math.ceil((performance.now() - start) / 10_000);
      expect(requests).toBeGreaterThan(60);
      expect(lines).toBeLessThanOrEqual(2 * KINDS * tens);
    } finally {
      refusing.stop();
    }
  });
});

const program = redisProgram();

describe.runIf(program)('a real Redis', () => {
  let first: RunningServer;
  let second: RunningServer;
  let admin: Redis;

  beforeAll(async () => {
    [first, second] = await Promise.all([startRedis(program!), startRedis(program!)]);
    admin = new Redis(first.url);
  });

  afterAll(async () => {
    admin.disconnect();
    await Promise.all([first.stop(), second.stop()]);
  });

  /** Connects the service to `first`, which takes writes. */
  async function onFirst(): Promise<void> {
    line.retarget(first.url);
    line.reset();
    await inFullService();
  }

  it.each([
    [
      'a replica',
      () => admin.replicaof('127.0.0.1', Number(new URL(second.url).port)),
      () => admin.replicaof('NO', 'ONE'),
    ],
    [
      'without enough replicas',
      () => admin.config('SET', 'min-replicas-to-write', '1'),
      () => admin.config('SET', 'min-replicas-to-write', '0'),
    ],
    ['full', () => admin.config('SET', 'maxmemory', '1mb'), () => admin.config('SET', 'maxmemory', '0')],
  ])('a Redis that has become %s is not ready, and is ready when that is over', async (_, turn, over) => {
    await onFirst();
    await turn();

    await vi.waitFor(async () => expect((await ready()).status).toBe(503), { timeout: 5000, interval: 50 });
    const answers = await everyKind();
    for (const { status, body } of answers)
      if (status !== 200 && status !== 204) expect(body.errorCode).toBe('UNAVAILABLE');
    expect(short(answers[1]!)).toEqual(UNAVAILABLE);

    await over();
    await inFullService();
  });

  it('a request to any route while Redis is a read-only replica is answered within five seconds, and is served afterwards', async () => {
    await onFirst();
    const becomeReplica = async () => {
      // Of a primary that nobody can reach, so that the replica keeps what the requests need.
      await admin.replicaof('127.0.0.1', 1);
    };

    const answered = await askEveryRoute(everyRoute(app, app), becomeReplica);

    const codes = expectHonest(answered, ['UNAVAILABLE']);
    writeSync(1, `Redis is a read-only replica: slowest ${Math.round(answered.slowest)} ms, ${codes}\n`);
    expect(codes).toContain('UNAVAILABLE');
    await admin.replicaof('NO', 'ONE');
    await expectFullService(app, app);
  });

  it('a service that starts on a replica is not ready, and works when the replica is promoted', async () => {
    await admin.replicaof('127.0.0.1', 1);
    const started = await startApp({ beside: steady, env: { REDIS_URL: first.url } });
    expect((await started.shopper().get('/health/ready')).status).toBe(503);

    await admin.replicaof('NO', 'ONE');

    await expectFullService(started, started);
    await started.close();
  });

  it('a Redis that became a replica under open connections is replaced by the new primary', async () => {
    await onFirst();
    await admin.replicaof('127.0.0.1', Number(new URL(second.url).port));
    await vi.waitFor(async () => expect((await ready()).status).toBe(503), { timeout: 5000, interval: 50 });

    line.retarget(second.url);

    await inFullService();
    await admin.replicaof('NO', 'ONE');
  });

  it('a Redis that accepts no more clients is away, and is used again by itself', async () => {
    await onFirst();
    await admin.config('SET', 'maxclients', '1');
    line.reset();

    await vi.waitFor(async () => expect((await ready()).status).toBe(503), { timeout: 5000, interval: 50 });
    const answers = await everyKind();

    expect(answers.map(short)).toEqual(answers.map(() => UNAVAILABLE));
    await admin.config('SET', 'maxclients', '1000');
    await inFullService();
  });
});
