import { existsSync, rmSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../support/backends.js';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { User } from '../../src/users/user.entity.js';
import { violatedUnique } from '../../src/database/unique-violation.js';

const ALL_TABLES = ['tb_account_event', 'tb_oauth_qq', 'tb_users'];

let database: DataSource;

const open = async () => (await openDatabase({})).initialize();

beforeEach(async () => {
  rmSync('.data', { recursive: true, force: true });
  database = await open();
});

afterEach(() => database.destroy());

const account = (username: string, mobile: string) =>
  Object.assign(new User(), { username, mobile, password: 'not a hash', dateJoined: new Date() });

async function tables(): Promise<string[]> {
  const rows = await database.query<{ name: string }[]>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tb_%' ORDER BY name",
  );
  return rows.map(({ name }) => name);
}

describe('the embedded database', () => {
  it('the embedded database is created and migrated when opened, and keeps its data', async () => {
    expect(existsSync('.data/shop.sqlite')).toBe(true);
    await database.manager.insert(User, account('she', '13800138000'));
    await database.destroy();

    database = await open();

    expect(await database.manager.countBy(User, { username: 'SHE' })).toBe(1);
    expect(await database.runMigrations()).toEqual([]);
  });

  it("the embedded database never gives a deleted account's id to another account", async () => {
    const first = account('first', '13800138000');
    await database.manager.insert(User, first);
    await database.manager.delete(User, first.id);

    const second = account('second', '13800138000');
    await database.manager.insert(User, second);

    expect(second.id).toBeGreaterThan(first.id);
  });

  it('the embedded database refuses a binding without an account', async () => {
    const bound = database.query(
      "INSERT INTO tb_oauth_qq (create_time, update_time, openid, user_id) VALUES ('', '', 'A', 77)",
    );
    await expect(bound).rejects.toThrow('FOREIGN KEY');
    expect(violatedUnique(await bound.catch((error: unknown) => error))).toBeUndefined();
  });

  it('the embedded database migrates down to nothing and up again', async () => {
    await database.manager.insert(
      AccountEvent,
      Object.assign(new AccountEvent(), { at: new Date(), event: 'x' }),
    );

    for (const left of [ALL_TABLES, ['tb_oauth_qq', 'tb_users'], []]) {
      await database.undoLastMigration();
      expect(await tables()).toEqual(left);
    }

    expect(await database.runMigrations()).toHaveLength(3);
    expect(await tables()).toEqual(ALL_TABLES);
  });

  it('the embedded database does not delay a reader forever when a transaction never ends', async () => {
    const runner = database.createQueryRunner();
    await runner.startTransaction();

    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'SQLITE_BUSY' });

    await runner.commitTransaction();
    await runner.release();
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
