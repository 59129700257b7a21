import { writeSync } from 'node:fs';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { isDatabaseAway } from '../../src/database/database-away.js';
import { databaseOptions } from '../../src/database/database-options.js';
import {
  askEveryRoute,
  EVERY_ROUTE,
  everyRoute,
  expectFullService,
  expectHonest,
} from '../support/every-route.js';
import { findServers, type RunningServer, startDatabase } from '../support/servers.js';
import { newPassword } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { expectKept, Stream, STREAM_LIMITS } from '../support/stream.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

/** A server of its own, because its global settings would affect other test files. */
const program = findServers({}).database;

let server: RunningServer;
let admin: mysql.Connection;
let app: App;

beforeAll(async () => {
  // Small, so that it can be filled.
  const small = ['--innodb-file-per-table=0', '--innodb-data-file-path=ibdata1:12M:autoextend:max:24M'];
  server = await startDatabase(program!, small);
  admin = await mysql.createConnection(server.url);
  // Not an administrator: read_only does not apply to those.
  await admin.query("CREATE USER shop@'%' IDENTIFIED BY 'shop'");
  app = await startApp({ env: { ...EVERY_ROUTE, DATABASE_URL: await database('failover') } });
});

afterAll(async () => {
  await app.close();
  await admin.end();
  await server.stop();
});

async function database(name: string): Promise<string> {
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.query(`GRANT ALL ON ${name}.* TO shop@'%'`);
  const url = Object.assign(new URL(`${server.url}/${name}`), { username: 'shop', password: 'shop' }).href;
  const source = await (await createDataSource(databaseOptions({ DATABASE_URL: url }))).initialize();
  await source.runMigrations();
  await source.destroy();
  return url;
}

const connections = async (name = 'failover'): Promise<number[]> => {
  const [rows] = await admin.query<mysql.RowDataPacket[]>(
    'SELECT id FROM information_schema.processlist WHERE db = ?',
    [name],
  );
  return rows.map(({ id }) => Number(id));
};

/** Kills the service's connections. One that the service closes in the meantime is no longer there. */
async function killConnections(): Promise<void> {
  for (const id of await connections())
    await admin
      .query(`KILL ${id}`)
      .catch(({ code }: mysql.QueryError) => expect(code).toBe('ER_NO_SUCH_THREAD'));
}

const ready = async () => (await app.shopper().get('/health/ready')).status;

describe.skipIf(program === undefined)('a server that stops taking writes under open connections', () => {
  it('a server that becomes read-only is unavailable and not ready, loses every connection, and is used again when it takes writes', async () => {
    const shopper = app.shopper();
    const member = await shopper.register();
    const change = (old_password: string, new_password: string) =>
      shopper.send('/user/password/', {
        method: 'PUT',
        body: { old_password, new_password },
        token: member.token,
      });
    await Promise.all(Array.from({ length: 8 }, () => app.dataSource.query('SELECT SLEEP(0.1)')));
    const before = await connections();
    expect(before.length).toBeGreaterThan(4);
    expect(await ready()).toBe(200);

    await admin.query('SET GLOBAL read_only = 1');
    const refused = await change(member.password, newPassword());

    expect(refused.body.errorCode).toBe('UNAVAILABLE');
    expect(await ready()).toBe(503);
    await vi.waitFor(async () => {
      const after = await connections();
      expect(after.filter((id) => before.includes(id))).toEqual([]);
    });
    expect(app.logRecorder.lines).toContain('ER_OPTION_PREVENTS_STATEMENT');

    await admin.query('SET GLOBAL read_only = 0');
    expect(await ready()).toBe(200);
    const password = newPassword();
    const changed = await change(member.password, password);
    expect(changed.status, changed.text).toBe(200);
    const login = await shopper.post('/authorizations/', { username: member.username, password });
    expect(login.status, login.text).toBe(200);
  });

  it('a request to any route while the database is read-only is answered within five seconds, and is served afterwards', async () => {
    const answered = await askEveryRoute(everyRoute(app, app), () => admin.query('SET GLOBAL read_only = 1'));

    const codes = expectHonest(answered, ['UNAVAILABLE']);
    writeSync(1, `The database is read-only: slowest ${Math.round(answered.slowest)} ms, ${codes}\n`);
    expect(codes).toContain('UNAVAILABLE');
    await admin.query('SET GLOBAL read_only = 0');
    await expectFullService(app, app);
  });

  it('a service that starts on a read-only server is not ready, and works when the server takes writes', async () => {
    await admin.query('SET GLOBAL read_only = 1');
    const started = await startApp({ beside: app, env: { DATABASE_URL: app.config.DATABASE_URL! } });
    expect((await started.shopper().get('/health/ready')).status).toBe(503);

    await admin.query('SET GLOBAL read_only = 0');

    await expectFullService(started, started);
    await started.close();
  });

  it('a read-only server is logged once in ten seconds, however many requests fail', async () => {
    await admin.query('SET GLOBAL read_only = 1');
    const said = () => app.logRecorder.lines.split('Database is unavailable').length;
    const before = said();

    await Promise.all(
      Array.from({ length: 50 }, () =>
        app.dataSource
          .query('UPDATE tb_users SET email = ? WHERE id = 0', [''])
          .catch((error: unknown) => expect(isDatabaseAway(error)).toBe(true)),
      ),
    );
    await admin.query('SET GLOBAL read_only = 0');

    expect(said() - before).toBeLessThanOrEqual(1);
  });

  it('a server whose connections an operator kills answers the next request', async () => {
    await Promise.all(Array.from({ length: 4 }, () => app.dataSource.query('SELECT SLEEP(0.1)')));
    await killConnections();

    // Open connections are gone. A request at this moment may fail as UNAVAILABLE, but never with 500.
    const first = await app.shopper().post('/authorizations/', { username: 'nobody_1', password: 'x' });
    expect(['CREDENTIALS_INVALID', 'UNAVAILABLE']).toContain(first.body.errorCode);
    await vi.waitFor(async () => {
      const { body } = await app.shopper().post('/authorizations/', { username: 'nobody_2', password: 'x' });
      expect(body.errorCode).toBe('CREDENTIALS_INVALID');
    });
  });

  it('a server without free connections is unavailable, and is used once it has some', async () => {
    await killConnections();
    await admin.query("ALTER USER shop@'%' WITH MAX_USER_CONNECTIONS 1");
    const url = app.config.DATABASE_URL!;
    await vi.waitFor(async () => expect(await connections()).toEqual([]));
    const taken = await mysql.createConnection(url);

    const answer = await app.shopper().post('/authorizations/', { username: 'nobody_3', password: 'x' });
    expect(answer.body.errorCode).toBe('UNAVAILABLE');
    expect(await ready()).toBe(503);

    await taken.end();
    await admin.query("ALTER USER shop@'%' WITH MAX_USER_CONNECTIONS 0");
    await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 5000 });
  });

  it('a server that is not migrated is not ready, and the log says what to type', async () => {
    const rows = await app.dataSource.query<{ id: number; timestamp: string; name: string }[]>(
      'SELECT id, timestamp, name FROM qq_account_service_migrations ORDER BY id DESC LIMIT 1',
    );
    await app.dataSource.query('DELETE FROM qq_account_service_migrations WHERE id = ?', [rows[0]!.id]);

    expect(await ready()).toBe(503);
    expect(app.logRecorder.lines).toContain('npm run db:migrate');

    const { id, timestamp, name } = rows[0]!;
    await app.dataSource.query(
      'INSERT INTO qq_account_service_migrations (id, timestamp, name) VALUES (?, ?, ?)',
      [id, timestamp, name],
    );
    expect(await ready()).toBe(200);
  });

  // Must be the last test: the server's disk stays full.
  it('a server with a full disk is unavailable', async () => {
    await admin.query('CREATE TABLE failover.filler (text longtext) ENGINE = InnoDB');
    const fill = async () => {
      for (;;) await admin.query("INSERT INTO failover.filler VALUES (REPEAT('x', 500000))");
    };
    await expect(fill()).rejects.toMatchObject({ code: 'ER_RECORD_FILE_FULL' });

    const write = async () => {
      const values = Array.from({ length: 200 }, () => '(NOW(6), ?, ?)').join(', ');
      const sql = `INSERT INTO tb_account_event (at, event, user_agent) VALUES ${values}`;
      for (;;)
        await app.dataSource.query(sql, Array.from({ length: 200 }, () => ['x', 'y'.repeat(200)]).flat());
    };
    const error = await write().then(undefined, (fault: unknown) => fault);

    expect(error).toMatchObject({ code: 'ER_RECORD_FILE_FULL' });
    expect(isDatabaseAway(error)).toBe(true);
  });
});

/** A primary that waits until the replica has a transaction (semi-synchronous), and the replica. */
const REPLICATED = [
  '--log-bin=bin',
  '--log-slave-updates',
  '--rpl-semi-sync-slave-enabled=1',
  '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
];
/** Milliseconds until the service must work again after the name leads to the new primary. */
const BACK_WITHIN = 15_000;

interface Replicated {
  readonly id: number;
  readonly server: RunningServer;
  readonly admin: mysql.Connection;
  readonly port: string;
  /** Of the database, as the shop's user. */
  readonly url: string;
}

describe.skipIf(!program?.includes('mariadb'))('a failover to a replica', () => {
  let primary: Replicated;
  let replica: Replicated;
  let line: SwitchableProxy;
  let shop: App;

  beforeAll(async () => {
    [primary, replica] = await Promise.all([replicated(1), replicated(2)]);
    await primary.admin.query("CREATE USER copy@'%' IDENTIFIED BY 'copy'");
    await primary.admin.query("GRANT REPLICATION SLAVE ON *.* TO copy@'%'");
    await primary.admin.query("CREATE USER shop@'%' IDENTIFIED BY 'shop'");
    await primary.admin.query('CREATE DATABASE failover');
    await primary.admin.query("GRANT ALL ON failover.* TO shop@'%'");
    await replicate(replica, primary);
    line = await SwitchableProxy.to(primary.url);
    const migrating = await (
      await createDataSource(databaseOptions({ DATABASE_URL: line.url }))
    ).initialize();
    await migrating.runMigrations();
    await migrating.destroy();
    await caughtUp(primary);
    shop = await startApp({ beside: app, env: { DATABASE_URL: line.url, LIMITS: STREAM_LIMITS } });
  });

  afterAll(async () => {
    await shop.close();
    await line.close();
    for (const { admin: connection, server: running } of [primary, replica]) {
      connection.destroy();
      await running.stop();
    }
  });

  /** Makes the replica the primary. The other server stays as it is. */
  async function promote(): Promise<void> {
    await promoted(replica);
    [primary, replica] = [replica, primary];
  }

  it('no connection to a primary that was demoted is used once a write has reached the new primary', async () => {
    const servers = async () => {
      const reads = Array.from({ length: 8 }, () =>
        shop.dataSource.query<{ id: number }[]>('SELECT SLEEP(0.5), @@server_id AS id'),
      );
      return (await Promise.all(reads)).map(([row]) => Number(row?.id));
    };
    const isReady = async () => (await shop.shopper().get('/health/ready')).status === 200;
    await primary.admin.query('SET GLOBAL read_only = 1');
    expect(await isReady()).toBe(false);
    await promote();

    // These hold eight connections to the demoted primary, which still answers reads, while the name changes.
    const reading = servers();
    await vi.waitFor(async () => {
      const [rows] = await replica.admin.query<mysql.RowDataPacket[]>(
        "SELECT id FROM information_schema.processlist WHERE db = 'failover' AND info LIKE 'SELECT SLEEP%'",
      );
      expect(rows).toHaveLength(8);
    });
    line.retarget(primary.url);
    expect(await isReady()).toBe(true);
    expect(await reading).toEqual(Array<number>(8).fill(replica.id));

    expect(await servers()).toEqual(Array<number>(8).fill(primary.id));
    await replicate(replica, primary);
  });

  // The last one leaves no replica.
  it.each([
    ['ordered by its operator', () => primary.admin.query('SET GLOBAL read_only = 1')],
    ['after its primary was killed', () => primary.server.stop()],
  ])(
    'a failover of the database under load: %s, loses nothing that was confirmed, and needs no restart',
    async (how, stopWrites) => {
      await caughtUp(primary);
      const stream = new Stream(shop);
      try {
        await stream.until(() => stream.confirmed.length >= 10);

        await stopWrites();
        const start = performance.now();
        await stream.until(() => stream.answers.some(({ at, status }) => at > start && status === 503));
        await promote();
        line.retarget(primary.url);
        await stream.servedAgain(BACK_WITHIN);

        const took = Math.round(performance.now() - start);
        await stream.stop();
        writeSync(1, `Failover of the database, ${how}: ${took} ms, ${JSON.stringify(stream.counts())}\n`);
        const expected = ['200', 'UNAVAILABLE'];
        expect(Object.keys(stream.counts()).filter((code) => !expected.includes(code))).toEqual([]);
        await expectKept(shop, stream);
        await expectFullService(shop, shop);
      } finally {
        await stream.stop();
      }
      if (how.startsWith('ordered')) await replicate(replica, primary);
    },
    60_000,
  );
});

async function replicated(id: number): Promise<Replicated> {
  const running = await startDatabase(program!, [...REPLICATED, `--server-id=${id}`]);
  const url = Object.assign(new URL(`${running.url}/failover`), { username: 'shop', password: 'shop' });
  const connection = await mysql.createConnection(running.url);
  // A test kills the primary.
  connection.on('error', () => undefined);
  return { id, server: running, admin: connection, port: url.port, url: url.href };
}

/** Makes a server the read-only replica of another one. */
async function replicate(replica: Replicated, primary: Replicated): Promise<void> {
  await replica.admin.query('SET GLOBAL read_only = 1, rpl_semi_sync_master_enabled = 0');
  await primary.admin.query('SET GLOBAL rpl_semi_sync_master_enabled = 1');
  await replica.admin.query(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'copy',
     MASTER_PASSWORD = 'copy', MASTER_USE_GTID = current_pos`,
  );
  await replica.admin.query('START SLAVE');
}

/** Waits until the primary's commits wait for the replica. */
async function caughtUp(primary: Replicated): Promise<void> {
  await vi.waitFor(
    async () => {
      const [states] = await primary.admin.query<mysql.RowDataPacket[]>(
        "SHOW STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_clients', 'Rpl_semi_sync_master_status')",
      );
      expect(states.map(({ Value }) => String(Value))).toEqual(['1', 'ON']);
    },
    { timeout: 20_000 },
  );
}

/** Waits until the replica has applied what it received, and makes it a primary. */
async function promoted({ admin: replica }: Replicated): Promise<void> {
  await vi.waitFor(
    async () => {
      const [[received]] = await replica.query<mysql.RowDataPacket[]>('SHOW SLAVE STATUS');
      const [[applied]] = await replica.query<mysql.RowDataPacket[]>('SELECT @@gtid_current_pos AS position');
      expect(applied?.position).toBe(received?.Gtid_IO_Pos);
    },
    { timeout: 10_000 },
  );
  await replica.query('STOP SLAVE');
  await replica.query('RESET SLAVE ALL');
  await replica.query('SET GLOBAL read_only = 0');
}
