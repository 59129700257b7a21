import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CreateAccounts1700000000000 } from '../../src/database/migrations/1700000000000-create-accounts.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { freshDatabase, openDatabase } from '../support/backends.js';
import { CountingLine } from '../support/counting-line.js';
import { DJANGO_TABLES, djangoBinding, djangoUser } from '../support/django-tables.js';

const OPENID = 'B624064BA065E01CB73F835017FE96FA';

let url: string;
let drop: () => Promise<unknown>;
let database: DataSource;

async function emptyDatabase(): Promise<void> {
  ({ url, drop } = await freshDatabase({ migrated: false }));
  database = await openDatabase({ DATABASE_URL: url });
  await database.initialize();
}

async function dropDatabase(): Promise<void> {
  await database.destroy();
  await drop();
}

beforeEach(emptyDatabase);

afterEach(dropDatabase);

/** Every table except the migrations' own, as SHOW CREATE TABLE prints it. */
async function schema(): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY name',
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    if (name === 'qq_account_service_migrations') continue;
    const [row] = await database.query<{ 'Create Table': string }[]>(`SHOW CREATE TABLE \`${name}\``);
    found[name] = String(row?.['Create Table']).replace(/ AUTO_INCREMENT=\d+/, '');
  }
  return found;
}

async function djangoShop(): Promise<void> {
  // The default of an old shop's database.
  await database.query('ALTER DATABASE CHARACTER SET utf8 COLLATE utf8_general_ci');
  for (const statement of DJANGO_TABLES) await database.query(statement);
  for (const mobile of ['13800138000', '13800138001']) await database.query(djangoUser(mobile));
  await database.query("INSERT INTO tb_address (receiver, user_id) VALUES ('她', 1)");
  await database.query(djangoBinding(OPENID, 1));
}

const rows = (table: string) => database.query<unknown[]>(`SELECT * FROM ${table} ORDER BY id`);

async function undoAll(): Promise<void> {
  for (const _ of database.migrations) await database.undoLastMigration();
}

describe('on an empty database', () => {
  it('on an empty database, the migrations create the tables that the entities describe, and remove them again', async () => {
    await database.runMigrations();

    expect(Object.keys(await schema())).toEqual(['tb_account_event', 'tb_oauth_qq', 'tb_users']);
    const user = Object.assign(new User(), {
      username: '用户😀',
      mobile: '13800138000',
      password: 'x'.repeat(128),
      dateJoined: new Date(),
    });
    await database.manager.insert(User, user);
    const now = new Date();
    await database.manager.insert(OAuthQQUser, {
      openid: OPENID,
      unionid: 'UID_A',
      userId: user.id,
      createTime: now,
      updateTime: now,
    });
    expect(await database.manager.findOneByOrFail(User, { username: user.username })).toMatchObject({
      mobile: user.mobile,
      isActive: true,
    });

    await undoAll();
    expect(await schema()).toEqual({});
  });

  it('on an empty database, the migrations create what Django would have: InnoDB, no defaults, its index, its key', async () => {
    await database.runMigrations();

    const { tb_users: users, tb_oauth_qq: bindings } = await schema();
    for (const table of [users, bindings]) {
      expect(table).toContain('ENGINE=InnoDB');
      expect(table).not.toMatch(/ DEFAULT (?!NULL|CHARSET)/);
    }
    expect(users).toContain('`last_login` datetime(6) DEFAULT NULL');
    expect(users).toContain('UNIQUE KEY `mobile` (`mobile`)');
    expect(bindings).toContain('  KEY `tb_oauth_qq_369db21a` (`openid`)');
    expect(bindings).toContain('FOREIGN KEY (`user_id`) REFERENCES `tb_users` (`id`)');
  });

  it('on a migrated database, the migrations have nothing to do', async () => {
    expect(await database.runMigrations()).toHaveLength(database.migrations.length);
    expect(await database.runMigrations()).toEqual([]);
  });
});

describe('migrations that are killed', () => {
  // Each cut connection is logged.
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(() => Logger.overrideLogger(true));

  it.each([
    ['an empty database', async () => undefined],
    ["Django's tables", djangoShop],
  ])(
    'on %s, migrations that are killed after any change of the tables are completed by the next run',
    async (_, prepare) => {
      await prepare();
      await database.runMigrations();
      const complete = await schema();
      let cuts = 0;
      for (let nth = 1; ; nth++) {
        await dropDatabase();
        await emptyDatabase();
        await prepare();
        const line = new CountingLine(new URL(url));
        await line.listening();
        const killed = await openDatabase({ DATABASE_URL: line.url });
        await killed.initialize();
        line.cutAt(nth, 'after', /\b(?:CREATE|ALTER|INSERT|UPDATE)\b/);

        const end = await killed.runMigrations().then(
          () => 'complete',
          () => 'killed',
        );
        await killed.destroy();
        line.close();
        if (!line.sprung) {
          expect(end).toBe('complete');
          break;
        }
        cuts += 1;

        await database.runMigrations();

        expect(await schema(), `after change ${nth}`).toEqual(complete);
      }
      expect(cuts).toBeGreaterThan(5);
    },
  );
});

describe("on Django's tables", () => {
  it("on Django's tables, the migrations add indexes and columns, and change nothing else", async () => {
    await djangoShop();
    const before = {
      schema: await schema(),
      users: await rows('tb_users'),
      bound: await rows('tb_oauth_qq'),
    };

    await database.runMigrations();

    const { tb_account_event: events, tb_oauth_qq: bindings = '', ...others } = await schema();
    const { tb_oauth_qq: djangoBindings, ...djangoOthers } = before.schema;
    expect(events).toBeDefined();
    expect(others).toEqual(djangoOthers);
    expect(bindings.split('\n').filter((line) => !/unionid|openid_uniq|nickname/.test(line))).toEqual(
      djangoBindings?.split('\n'),
    );
    expect(await rows('tb_users')).toEqual(before.users);
    expect(await rows('tb_oauth_qq')).toEqual(
      before.bound.map((row) => ({
        ...(row as object),
        unionid: null,
        nickname: null,
        qq_unionid: null,
      })),
    );
  });

  it("Django's INSERTs still work after the migrations, but a second binding of one QQ is refused", async () => {
    await djangoShop();
    await database.runMigrations();

    await database.query(djangoUser('13800138009'));
    await database.query(djangoBinding('0123456789ABCDEF0123456789ABCDEF', 2));
    await expect(database.query(djangoBinding(OPENID, 2))).rejects.toThrow('tb_oauth_qq_openid_uniq');
    expect(
      await database.getRepository(OAuthQQUser).find({ relations: { user: true }, order: { id: 'ASC' } }),
    ).toMatchObject([
      { openid: OPENID, unionid: null, user: { mobile: '13800138000' } },
      { openid: '0123456789ABCDEF0123456789ABCDEF', user: { mobile: '13800138001' } },
    ]);
  });

  it("on the way down, Django's tables and rows are left as they were", async () => {
    await djangoShop();
    const before = {
      schema: await schema(),
      users: await rows('tb_users'),
      bound: await rows('tb_oauth_qq'),
    };
    await database.runMigrations();

    await undoAll();

    expect(await schema()).toEqual(before.schema);
    expect(await rows('tb_users')).toEqual(before.users);
    expect(await rows('tb_oauth_qq')).toEqual(before.bound);
  });

  it("the way down never removes a column of the shop's own", async () => {
    await djangoShop();
    await database.query('ALTER TABLE tb_oauth_qq ADD unionid varchar(64) NULL');
    const before = await schema();
    await database.runMigrations();

    await undoAll();

    expect(await schema()).toEqual(before);
  });

  it('the migrations create the bindings table if the shop only had users', async () => {
    for (const statement of DJANGO_TABLES.slice(0, 4)) await database.query(statement);
    const before = await schema();

    await database.runMigrations();
    expect(Object.keys(await schema())).toContain('tb_oauth_qq');

    await undoAll();
    expect(await schema()).toEqual(before);
  });
});

describe('what each binding remembers', () => {
  it('a nickname with an emoji is stored, although the table is utf8mb3', async () => {
    await djangoShop();
    await database.runMigrations();

    await database.getRepository(OAuthQQUser).update({ openid: OPENID }, { nickname: '企鹅🐧' });

    const { nickname } = await database.getRepository(OAuthQQUser).findOneByOrFail({ openid: OPENID });
    expect(nickname).toBe('企鹅🐧');
  });

  it('the new column starts with the known unionids', async () => {
    await djangoShop();
    await database.query('ALTER TABLE tb_oauth_qq ADD unionid varchar(64) NULL');
    await database.query("UPDATE tb_oauth_qq SET unionid = 'UID_A'");
    await database.query(djangoBinding('0123456789ABCDEF0123456789ABCDEF', 2));

    await database.runMigrations();

    expect(await database.getRepository(OAuthQQUser).find({ order: { id: 'ASC' } })).toMatchObject([
      { unionid: 'UID_A', qqUnionid: 'UID_A' },
      { unionid: null, qqUnionid: null },
    ]);
  });
});

describe('on openids that are bound twice', () => {
  it('openids that are bound twice stop the migration, which says which and what to do; then it runs', async () => {
    await djangoShop();
    await database.query(djangoBinding(OPENID, 2));
    // The index must be as strict as the old column's collation.
    for (const openid of ['AAAA', 'aaaa', 'BBBB']) await database.query(djangoBinding(openid, 1));
    const before = await schema();

    const error = await database.runMigrations().then(
      () => undefined,
      (fault: Error) => fault,
    );

    expect(await schema()).toEqual(before);
    expect(error?.message).toContain('Nothing was changed');
    expect(error?.message).toContain(`openid ${OPENID}  tb_oauth_qq.id 1  user_id 1`);
    expect(error?.message).toContain(`openid ${OPENID}  tb_oauth_qq.id 2  user_id 2`);
    expect(error?.message).toContain('openid aaaa  tb_oauth_qq.id 4  user_id 1');
    expect(error?.message).not.toContain('BBBB');
    expect(error?.message).toContain('DELETE FROM tb_oauth_qq WHERE id IN');

    await database.query('DELETE FROM tb_oauth_qq WHERE id IN (2, 4)');
    expect(await database.runMigrations()).toHaveLength(database.migrations.length);
  });
});

describe('a run that broke off', () => {
  it.each([
    ['an empty database', 1],
    ["Django's tables", 2],
  ])('a migration that broke off at any step can be run again: %s', async (kind, breaks) => {
    if (kind !== 'an empty database') await djangoShop();

    let broken = 0;
    while (!(await oneStep())) broken++;
    await database.runMigrations();

    expect(broken).toBe(breaks);
    const { tb_oauth_qq: bindings = '' } = await schema();
    for (const name of ['openid_uniq', 'unionid_uniq', '369db21a'])
      expect(bindings.split(`\`tb_oauth_qq_${name}\``)).toHaveLength(2);
  });

  /** Runs the migration until it has made one change and is about to make the next; true when it was completed. */
  async function oneStep(): Promise<boolean> {
    const runner = database.createQueryRunner();
    const query = runner.query.bind(runner);
    let steps = 0;
    runner.query = async (sql: string, parameters?: unknown[]) => {
      if (/^(CREATE|ALTER)/i.test(sql) && ++steps > 1) throw new Error('the power went');
      return query(sql, parameters);
    };
    try {
      await new CreateAccounts1700000000000().up(runner);
      return true;
    } catch (error) {
      expect(String(error)).toContain('the power went');
      return false;
    } finally {
      await runner.release();
    }
  }
});

describe('the commands', () => {
  const checkout = resolve(import.meta.dirname, '../..');
  // Needs no key of QQ's and no Redis: the database's address is enough, also in production.
  const run = (program: string, ...words: string[]) =>
    promisify(execFile)(program, words, {
      cwd: checkout,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', DATABASE_URL: url },
      shell: process.platform === 'win32',
    });

  beforeAll(async () => {
    // `npm test` builds it.
    if (!existsSync(resolve(checkout, 'dist/ormconfig.js')))
      await promisify(execFile)('npm', ['run', 'build'], { cwd: checkout });
  });

  it('the commands migrate, check and revert', async () => {
    const { stdout } = await run('npm', 'run', '-s', 'db:migrate');
    expect(stdout).toContain('executed successfully');
    expect(stdout).not.toMatch(/CREATE TABLE|INSERT/);
    expect(Object.keys(await schema())).toHaveLength(3);

    expect((await run('npm', 'run', '-s', 'db:check')).stdout).toContain('db:migrate would: nothing.');

    await run('npm', 'run', '-s', 'db:revert');
    expect(JSON.stringify(await schema())).not.toContain('nickname');
  });

  it('the commands fail with the list of duplicates, and without DATABASE_URL in production', async () => {
    await djangoShop();
    await database.query(djangoBinding(OPENID, 2));
    await expect(run('npm', 'run', '-s', 'db:migrate')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`openid ${OPENID}  tb_oauth_qq.id 2  user_id 2`),
    });
    await expect(run('npm', 'run', '-s', 'db:check')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('share an openid'),
    });

    url = '';
    await expect(run('npm', 'run', '-s', 'db:migrate')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('DATABASE_URL: is required in production'),
    });
  });
});
