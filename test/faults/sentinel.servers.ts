import { writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { redisProgram } from '../support/servers.js';
import { type RunningGroup, startSentinels } from '../support/redis-servers.js';
import { type App, startApp } from '../support/start-app.js';
import { expectKept, Stream, STREAM_LIMITS } from '../support/stream.js';

/** Milliseconds until the service must work again. The Sentinels need two or three seconds of them. */
const BACK_WITHIN = 15_000;

let group: RunningGroup;
let app: App;

describe.runIf(redisProgram())('a failover by Sentinel, under a stream of logins and binds', () => {
  beforeAll(async () => {
    group = await startSentinels();
    app = await startApp({ env: { REDIS_URL: group.url, LIMITS: STREAM_LIMITS } });
  });

  afterAll(async () => {
    await app?.close();
    await group?.stop();
  });

  it.each([
    [
      'ordered by its operator',
      async () => {
        const sentinel = new Redis(group.servers[2]!.url);
        await sentinel.call('SENTINEL', 'FAILOVER', 'mymaster');
        sentinel.disconnect();
      },
    ],
    [
      'after its primary was killed',
      async () => {
        const sentinel = new Redis(group.servers[2]!.url);
        const [, port] = (await sentinel.call('SENTINEL', 'get-master-addr-by-name', 'mymaster')) as string[];
        sentinel.disconnect();
        await group.servers.find(({ url }) => url.endsWith(`:${port}`))!.stop();
      },
    ],
  ])(
    'a failover by Sentinel under load: %s, loses nothing that was confirmed, and ends by itself',
    async (how, failOver) => {
      const stream = new Stream(app);
      try {
        await stream.until(() => stream.confirmed.length >= 5);

        await failOver();
        const start = performance.now();
        await stream.until(() => stream.answers.some(({ at, status }) => at > start && status === 503));
        await stream.servedAgain(BACK_WITHIN);

        const took = Math.round(performance.now() - start);
        await stream.stop();
        print(`Failover ${how}: full service after ${took} ms, ${JSON.stringify(stream.counts())}`);
        // Redis replicates after the answer, so an SMS code may be lost and is asked for again.
        const expected = ['200', 'UNAVAILABLE', 'SMS_CODE_INVALID', 'STATE_INVALID'];
        expect(Object.keys(stream.counts()).filter((code) => !expected.includes(code))).toEqual([]);
        await expectKept(app, stream);
        expect((await app.shopper().get('/health/ready')).status).toBe(200);
      } finally {
        await stream.stop();
      }
    },
  );

  // The last test, because stopped Sentinels do not come back.
  it('without a quorum of Sentinels, the service goes on with its primary, and another one starts', async () => {
    const sentinels = group.servers.slice(2);
    expect(sentinels).toHaveLength(3);
    await Promise.all(sentinels.slice(1).map((sentinel) => sentinel.stop()));

    const other = await startApp({ beside: app, env: { REDIS_URL: group.url } });

    for (const service of [app, other]) {
      expect((await service.shopper().get('/health/ready')).status).toBe(200);
      const shopper = service.shopper();
      expect((await shopper.bind(await shopper.bindForm())).status).toBe(200);
    }
    await other.close();
    // No Sentinel is needed for an open connection.
    await sentinels[0]!.stop();
    const shopper = app.shopper();
    expect((await shopper.bind(await shopper.bindForm())).status).toBe(200);
  });
});

/** Bypasses the recorder of the service's log. */
const print = (line: string): void => void writeSync(1, `${line}\n`);
