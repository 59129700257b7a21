import { inspect } from 'node:util';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { readSettled } from '../../src/oauth/read-settled.js';
import { violatedUnique } from '../../src/database/unique-violation.js';
import { User } from '../../src/users/user.entity.js';
import { type Backends, freshBackends, openDatabase } from '../support/backends.js';

let backends: Backends;
let database: DataSource;

beforeAll(async () => {
  backends = await freshBackends();
  database = await openDatabase(backends.env);
  await database.initialize();
});

afterAll(() => database.destroy());

let made = 0;
function account(fields: Partial<User> = {}): User {
  const mobile = String(13_800_000_000 + ++made);
  return Object.assign(new User(), {
    username: mobile,
    mobile,
    password: 'not a hash',
    dateJoined: new Date(),
    ...fields,
  });
}

function binding(user: User, fields: Partial<OAuthQQUser> = {}): OAuthQQUser {
  const now = new Date();
  return Object.assign(new OAuthQQUser(), {
    userId: user.id,
    openid: `OPENID${++made}`,
    createTime: now,
    updateTime: now,
    ...fields,
  });
}

const countUsers = (username: string) => database.getRepository(User).countBy({ username });

async function refusal(row: User | OAuthQQUser): Promise<unknown> {
  return database.manager.insert(row.constructor, row).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a transaction', () => {
  it('a transaction is not seen by others until it is committed', async () => {
    const user = account();
    const seen: Promise<number>[] = [];

    await database.transaction(async (tx) => {
      await tx.insert(User, user);
      seen.push(countUsers(user.username));
      expect(await tx.countBy(User, { username: user.username })).toBe(1);
      // On a server the reader does not wait, and sees nothing. In the embedded mode it waits for the end.
      if (!backends.embedded) await Promise.all(seen);
    });

    expect(await Promise.all(seen)).toEqual([backends.embedded ? 1 : 0]);
    expect(await countUsers(user.username)).toBe(1);
  });

  it('a transaction that fails leaves nothing behind, while others commit', async () => {
    const users = Array.from({ length: 40 }, () => account());

    const ends = await Promise.allSettled(
      users.map((user, index) =>
        database.transaction(async (tx) => {
          await tx.insert(User, user);
          await tx.countBy(User, { mobile: user.mobile });
          if (index % 2) throw new Error('changed my mind');
        }),
      ),
    );

    expect(ends.map(({ status }) => status)).toEqual(users.map((_, i) => (i % 2 ? 'rejected' : 'fulfilled')));
    const kept = await Promise.all(users.map(({ username }) => countUsers(username)));
    expect(kept).toEqual(users.map((_, i) => (i % 2 ? 0 : 1)));
  });

  it('a nested transaction is rolled back alone', async () => {
    const [outer, inner] = [account(), account()];

    await database.transaction(async (tx) => {
      await tx.insert(User, outer);
      const nested = tx.transaction(async (deeper) => {
        await deeper.insert(User, inner);
        throw new Error('only this');
      });
      await expect(nested).rejects.toThrow('only this');
    });

    expect([await countUsers(outer.username), await countUsers(inner.username)]).toEqual([1, 0]);
  });

  it('a transaction whose query runner is released without an end is rolled back', async () => {
    const user = account();
    const runner = database.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.insert(User, user);
    if (!backends.embedded) await runner.rollbackTransaction();
    await runner.release();

    expect(await countUsers(user.username)).toBe(0);
  });
});

describe('a second row of the same', () => {
  it('a second row with the same username is refused, in any case of letters', async () => {
    await database.manager.insert(User, account({ username: 'Twice_1' }));

    expect(violatedUnique(await refusal(account({ username: 'tWICE_1' })))).toBe('username');
  });

  it('a second row with the same mobile, openid or unionid is refused, and the error names the field', async () => {
    const user = account();
    await database.manager.insert(User, user);
    const bound = binding(user, { unionid: 'UID_1' });
    await database.manager.insert(OAuthQQUser, bound);

    expect(violatedUnique(await refusal(account({ mobile: user.mobile })))).toBe('mobile');
    expect(violatedUnique(await refusal(binding(user, { openid: bound.openid })))).toBe('openid');
    expect(violatedUnique(await refusal(binding(user, { unionid: 'UID_1' })))).toBe('unionid');
    // Compared exactly. A missing unionid is not a duplicate.
    for (const unionid of ['uid_1', null, null])
      expect(await refusal(binding(user, { unionid }))).toBeUndefined();
  });

  it('the error of a duplicate row quotes neither the value nor the statement', async () => {
    const user = account({ username: 'secretly_me' });
    await database.manager.insert(User, user);

    const error = await refusal(account({ username: user.username, mobile: '13912345678' }));

    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(
      /secretly_me|13912345678|INSERT INTO/i,
    );
  });
});

describe('readSettled', () => {
  const read = (username: string) =>
    readSettled<{ id: number }>(database, 'SELECT id FROM tb_users WHERE username = ?', [username]);

  for (const [end, found] of [
    ['committed', 1],
    ['rolled back', 0],
  ] as const)
    it(`readSettled waits for a running insert, and finds ${found} when it is ${end}`, async () => {
      const user = account();
      const order: string[] = [];
      let reading: Promise<unknown[]> | undefined;

      const writing = database.transaction(async (tx) => {
        await tx.insert(User, user);
        reading = read(user.username).finally(() => order.push('read'));
        // The reader was sent and really waits.
        await untilWaiting(reading);
        order.push(end);
        if (found === 0) throw new Error('changed my mind');
      });
      if (found) await writing;
      else await expect(writing).rejects.toThrow('changed my mind');

      expect(await reading).toHaveLength(found);
      expect(order).toEqual([end, 'read']);
    });

  /** On a server: waits until InnoDB reports a lock wait. In the embedded mode the reader can only be waiting. */
  async function untilWaiting(reading: Promise<unknown>): Promise<void> {
    if (backends.embedded) return;
    const asked =
      "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE ?";
    // InnoDB refreshes this table only if nobody has asked for 100 ms. It shows a prepared statement's text.
    await expect
      .poll(() => database.query<unknown[]>(asked, ['SELECT id FROM tb_users WHERE username = ?%']), {
        interval: 150,
        timeout: 1500,
      })
      .toHaveLength(1);
    expect(inspect(reading)).toContain('pending');
  }
});

describe('what is stored', () => {
  it('stored values come back unchanged: times in UTC, four-byte text, numbers as numbers', async () => {
    const at = new Date('2026-02-03T04:05:06.789Z');
    const event = Object.assign(new AccountEvent(), { at, event: 'login', userAgent: '😀'.repeat(256) });

    await database.manager.insert(AccountEvent, event);

    const found = await database.getRepository(AccountEvent).findOneByOrFail({ id: event.id });
    expect(found).toEqual(event);
    expect(typeof found.id).toBe('number');
    const [raw] = await database.query<{ at: Date | string }[]>('SELECT at FROM tb_account_event');
    expect(raw?.at).toEqual(backends.embedded ? '2026-02-03 04:05:06.789' : at);
  });
});
