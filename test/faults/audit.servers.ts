import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import type { AuditEvent } from '../../src/audit/audit-event.js';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

let steady: App;
let app: App;
let database: SwitchableProxy;

beforeAll(async () => {
  steady = await startApp();
  database = await SwitchableProxy.to(steady.backends.env.DATABASE_URL!);
  // Writes only when a test calls it, not every half second.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  app = await startApp({ beside: steady, env: { DATABASE_URL: database.url } });
  vi.useRealTimers();
});

afterAll(async () => {
  await database.pass();
  await app?.close();
  await steady.close();
  await database.close();
});

const CLIENT = {
  ip: '203.0.113.8',
  network: '203.0.113.8',
  subnet: '203.0.113.0/24',
  userAgent: 'test',
  requestId: 'test',
  isGone: () => false,
};
const refused = (userId: number): AuditEvent => ({
  event: 'refused',
  reason: 'PASSWORD_INVALID',
  client: CLIENT,
  userId,
});
/** Beyond the column's signed 32 bits. */
const NOBODY = 3_000_000_000;
const events = () => steady.dataSource.getRepository(AccountEvent);
const writtenFor = async (userIds: readonly number[]) =>
  (await events().findBy(userIds.map((userId) => ({ userId })))).length;

let lastId = 1_000_000;
const newIds = (count: number) => Array.from({ length: count }, () => ++lastId);

describe('a row that the table refuses', () => {
  it.each([
    ['first', 0],
    ['in the middle', 50],
    ['last', 99],
  ])('audit rows that the table refuses do not stop the others: %s of a hundred', async (_, place) => {
    const writer = app.nest.get(AuditWriter);
    const ids = newIds(99);
    const all = [...ids];
    all.splice(place, 0, NOBODY);
    for (const id of all) writer.recordLater(refused(id));

    await writer.flush();

    expect(await writtenFor(ids)).toBe(99);
    expect(app.logRecorder.lines).toContain('Audit row refused by the table');
    const [next] = newIds(1);
    writer.recordLater(refused(next!));
    await writer.flush();
    expect(await writtenFor([next!])).toBe(1);
  });

  it('several refused audit rows do not cost the other rows anything', async () => {
    const writer = app.nest.get(AuditWriter);
    const ids = newIds(60);
    for (const id of ids) {
      writer.recordLater(refused(id));
      if (id % 3 === 0) writer.recordLater(refused(NOBODY));
    }

    await writer.flush();

    expect(await writtenFor(ids)).toBe(60);
  });
});

describe('a database that is silent', () => {
  it('while the database is away, only one write of the trail waits', async () => {
    const writer = app.nest.get(AuditWriter);
    const ids = newIds(300);
    for (const id of ids) writer.recordLater(refused(id));
    database.stall();
    const query = vi.spyOn(app.dataSource.manager, 'query');

    const flushes = Array.from({ length: 20 }, () => writer.flush());

    expect(query).toHaveBeenCalledOnce();
    query.mockRestore();
    await database.pass();
    await Promise.all(flushes);
    await vi.waitFor(async () => {
      await writer.flush();
      expect(await writtenFor(ids)).toBe(300);
    }, 20_000);
  });

  it('a stopping service waits at most three seconds for the trail, and logs what it lost', async () => {
    const writer = app.nest.get(AuditWriter);
    for (const id of newIds(300)) writer.recordLater(refused(id));
    database.stall();
    // A write that waits for the database until the test is over.
    const write = vi
      .spyOn(app.dataSource.manager, 'query')
      .mockImplementation(() => new Promise(() => undefined));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let stopped = false;
      const stopping = writer.onApplicationShutdown().then(() => (stopped = true));
      await vi.advanceTimersByTimeAsync(2900);
      expect(stopped).toBe(false);
      await vi.advanceTimersByTimeAsync(200);
      expect(stopped).toBe(true);
      await stopping;
    } finally {
      vi.useRealTimers();
      write.mockRestore();
    }
    expect(app.logRecorder.lines).toContain('Audit rows lost at shutdown');
  });
});
