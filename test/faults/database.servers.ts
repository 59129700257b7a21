import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { register } from 'prom-client';
import { type DataSource, In } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { isDatabaseAway } from '../../src/database/database-away.js';
import { databaseOptions } from '../../src/database/database-options.js';
import { User } from '../../src/users/user.entity.js';
import { freshDatabase, openDatabase } from '../support/backends.js';
import { sqlDuring } from '../support/counting.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

let url: string;
let line: SwitchableProxy;
let database: DataSource;

beforeAll(async () => {
  ({ url } = await freshDatabase());
  line = await SwitchableProxy.to(url);
  database = await openDatabase({ DATABASE_URL: line.url });
  await database.initialize();
});

beforeEach(() => line.pass());

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await line.pass();
  await database.destroy();
  await line.close();
});

let made = 0;
function account(): User {
  const mobile = String(13_800_000_000 + ++made);
  const user = new User();
  return Object.assign(user, { username: mobile, mobile, password: 'not a hash', dateJoined: new Date() });
}

const fault = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function seconds(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return (performance.now() - start) / 1000;
}

describe('a database that hangs', () => {
  it('a database that hangs gives errors in bounded time, also to callers that wait for a connection, and is used again when it answers', async () => {
    await database.query('SELECT 1');
    line.stall();

    // Twenty connections, and twenty callers that wait for one.
    const faults: unknown[] = [];
    const took = await seconds(
      Promise.all(
        Array.from({ length: 40 }, async () => faults.push(await fault(database.query('SELECT 1')))),
      ),
    );
    expect(faults.filter(isDatabaseAway)).toHaveLength(40);
    expect(took).toBeLessThan(5);

    await line.pass();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => database.query(`SELECT ${i} AS n`)),
    );
    expect(answers).toEqual(answers.map((_, i) => [{ n: i }]));
  });

  it("a late answer is never read by the connection's next user: the connection is cut", async () => {
    const before = line.connections;
    // The server itself is slow here, and would finally answer on the same connection.
    expect(isDatabaseAway(await fault(database.query('SELECT SLEEP(6) AS late')))).toBe(true);

    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, i) => database.query(`SELECT ${i} AS n`)),
    );

    expect(answers).toEqual(answers.map((_, i) => [{ n: i }]));
    expect(line.connections).toBeGreaterThan(before);
  });

  it('while the database hangs, a request with several statements fails once, not once per statement', async () => {
    await database.query('SELECT 1');
    line.stall();

    const took = await seconds(
      (async () => {
        for (let statement = 0; statement < 5; statement++)
          expect(isDatabaseAway(await fault(database.query('SELECT 1')))).toBe(true);
      })(),
    );

    expect(took).toBeLessThan(5);
    await line.pass();
    await vi.waitFor(() => database.query('SELECT 1'), { timeout: 5000 });
  });

  it('a whole transaction is bounded in time, and its lock is free for the next one', async () => {
    const user = account();
    await database.manager.insert(User, user);

    const took = await seconds(
      fault(
        database.transaction(async (tx) => {
          await tx.update(User, user.id, { email: 'held' });
          for (let step = 0; step < 4; step++) await tx.query('SELECT SLEEP(1.5)');
        }),
      ).then((error) => expect(isDatabaseAway(error)).toBe(true)),
    );

    expect(took).toBeLessThan(5);
    await database.manager.update(User, user.id, { email: 'free' });
    expect(await database.manager.findOneByOrFail(User, { id: user.id })).toMatchObject({ email: 'free' });
  });
});

describe('a line that is cut', () => {
  it('a cut connection fails the transaction, the server rolls it back, and the next one works', async () => {
    const user = account();
    const cut = line.cutBefore('COMMIT');

    const error = await fault(database.transaction((tx) => tx.insert(User, user)));
    await cut;

    expect(isDatabaseAway(error)).toBe(true);
    // When this insert succeeds, the first transaction's lock is gone.
    const again = Object.assign(account(), { username: user.username, mobile: user.mobile });
    await database.transaction((tx) => tx.insert(User, again));
  });

  it('a refused connection fails at once', async () => {
    line.refuse();
    line.reset();

    const errors = await Promise.all(Array.from({ length: 30 }, () => fault(database.query('SELECT 1'))));

    expect(errors.filter(isDatabaseAway)).toHaveLength(30);
  });
});

describe('a row lock', () => {
  it('a row lock is waited for two seconds, and the connection stays usable', async () => {
    const user = account();
    await database.manager.insert(User, user);
    await database.transaction(async (tx) => {
      await tx.update(User, user.id, { email: 'a' });

      const waiting = database.manager.update(User, user.id, { email: 'b' });
      let error: unknown;
      const took = await seconds(fault(waiting).then((found) => (error = found)));

      expect(error).toMatchObject({ code: 'ER_LOCK_WAIT_TIMEOUT' });
      expect(took).toBeLessThan(5);
    });
  });
});

describe('a deadlock', () => {
  /** Two transactions that lock the same two rows in opposite order. `tries` counts the runs of both. */
  async function crosswise(tries: { count: number }) {
    const [one, two] = [account(), account()];
    await database.manager.insert(User, [one, two]);
    const both = new EventEmitter().setMaxListeners(50);
    let first = 0;
    const take = (here: User, there: User, email: string) =>
      database.transaction(async (tx) => {
        tries.count++;
        await tx.update(User, here.id, { email });
        // They meet only in their first run. The repeated one runs alone.
        if (++first === 2) both.emit('both');
        else if (first < 2) await new Promise((resolve) => both.once('both', resolve));
        await tx.update(User, there.id, { email });
      });
    return { run: () => Promise.all([take(one, two, 'a'), take(two, one, 'b')]), ids: [one.id, two.id] };
  }

  it('a transaction that InnoDB rolls back in a deadlock is repeated, and both commit', async () => {
    const tries = { count: 0 };
    const { run, ids } = await crosswise(tries);

    await run();

    expect(tries.count).toBe(3);
    const rows = await database.getRepository(User).findBy({ id: In(ids) });
    expect(new Set(rows.map(({ email }) => email)).size).toBe(1);
  });

  it('a transaction is repeated at most twice after a deadlock, and never after another error', async () => {
    for (const [sentence, expected] of [
      ['deadlock', 3],
      ['no such column', 1],
    ] as const) {
      let tries = 0;
      const error = await fault(
        database.transaction(async (tx) => {
          tries++;
          // SIGNAL raises the same error as InnoDB.
          await tx.query(
            sentence === 'deadlock'
              ? "BEGIN NOT ATOMIC SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END"
              : 'SELECT nothing FROM tb_users',
          );
        }),
      );
      expect(error).toMatchObject({
        code: sentence === 'deadlock' ? 'ER_LOCK_DEADLOCK' : 'ER_BAD_FIELD_ERROR',
      });
      expect(tries).toBe(expected);
    }
  });
});

describe('on the wire', () => {
  it('a transaction with one insert sends exactly three statements', async () => {
    await database.query('SELECT 1');

    const said = await sqlDuring(url, () => database.transaction((tx) => tx.insert(User, account())));

    expect(said.map((sql) => sql.split(' ')[0])).toEqual(['START', 'INSERT', 'COMMIT']);
  });

  it('no value is part of the text of a statement, neither from TypeORM nor from SQL written by hand', async () => {
    const value = `wire-${randomUUID()}'"\\`;
    const user = Object.assign(account(), { username: value });
    const users = database.getRepository(User);
    const seen = vi.fn();
    void line.cutBefore(value.slice(0, 20)).then(seen);

    await users.insert(user);
    await users.update({ username: value }, { firstName: value.slice(0, 30) });
    const found = [
      await users.findOneByOrFail({ username: value }),
      ...(await database.query<User[]>('SELECT id FROM tb_users WHERE username = ?', [value])),
      ...(await users.createQueryBuilder('u').where('u.username = :value', { value }).getMany()),
      ...(await database.transaction((tx) =>
        tx.query<User[]>('SELECT id FROM tb_users WHERE username IN (?, ?)', [value, 'x']),
      )),
    ];
    await users.delete({ username: value });

    expect(found.map(({ id }) => id)).toEqual([user.id, user.id, user.id, user.id]);
    expect(seen).not.toHaveBeenCalled();
  });

  it('every connection is strict, and waits for locks in bounded time', async () => {
    const [session] = await database.query<Record<string, unknown>[]>(
      'SELECT @@innodb_lock_wait_timeout AS locks, @@lock_wait_timeout AS tables, @@sql_mode AS mode, @@character_set_client AS charset',
    );
    expect(session).toMatchObject({ locks: 2, tables: 2, charset: 'utf8mb4' });
    expect(session?.mode).toBe('STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION');
  });
});

describe('the metrics', () => {
  it('the metrics count used, idle and awaited connections, and errors by their code', async () => {
    await database.query('SELECT 1');
    const busy = Array.from({ length: 25 }, () => database.query('SELECT SLEEP(0.5)'));

    await vi.waitFor(async () => {
      const text = await register.metrics();
      expect(text).toContain('qq_account_database_connections{state="used"} 20');
      expect(text).toContain('qq_account_database_connections{state="waiting"} 5');
    });
    await Promise.all(busy);

    const text = await register.metrics();
    expect(text).toContain('qq_account_database_connections{state="used"} 0');
    expect(text).toMatch(/qq_account_database_errors_total\{code="ER_LOCK_WAIT_TIMEOUT"\} [1-9]/);
  });
});

describe('at boot', () => {
  it('a database that refuses us at boot is one sentence with the reason, without the password', async () => {
    const wrong = new URL(url);
    wrong.password = 'hunter2hunter2';
    const options = databaseOptions({ DATABASE_URL: wrong.href });

    const error = (await fault((await createDataSource(options)).initialize())) as Error;

    expect(error.message).toBe('DATABASE_URL: cannot connect to the database (ER_ACCESS_DENIED_ERROR)');
    expect(options.toRetry?.(error)).toBe(false);
    line.refuse();
    const away = (await fault((await openDatabase({ DATABASE_URL: line.url })).initialize())) as Error;
    expect(away.message).toBe('DATABASE_URL: cannot connect to the database (ECONNREFUSED)');
    expect(options.toRetry?.(away)).toBe(true);
  });

  it('an invalid DATABASE_URL is refused without being quoted', () => {
    expect(() => databaseOptions({ DATABASE_URL: 'mysql://me:hunter2#@/%zz@host:port/name' })).toThrow(
      /^DATABASE_URL: (?!.*hunter2)/,
    );
  });
});
