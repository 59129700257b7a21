import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDatabase } from '../../src/database/db-check.js';
import { violatedUnique } from '../../src/database/unique-violation.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { freshDatabase, openDatabase } from '../support/backends.js';
import { DJANGO_TABLES, djangoBinding, djangoUser } from '../support/django-tables.js';

const OPENID = 'B624064BA065E01CB73F835017FE96FA';

let drop: () => Promise<unknown>;
let database: DataSource;

beforeEach(async () => {
  const fresh = await freshDatabase({ migrated: false });
  ({ drop } = fresh);
  database = await openDatabase({ DATABASE_URL: fresh.url });
  await database.initialize();
  await run('ALTER DATABASE CHARACTER SET utf8 COLLATE utf8_general_ci', ...DJANGO_TABLES);
  await run(djangoUser('13800138000'), djangoUser('13800138001'), djangoBinding(OPENID, 1));
});

afterEach(async () => {
  await database.destroy();
  await drop();
});

async function run(...statements: readonly string[]): Promise<void> {
  for (const statement of statements) await database.query(statement);
}

async function schema(): Promise<string[]> {
  const tables = await database.query<{ name: string }[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY name',
  );
  const made: string[] = [];
  for (const { name } of tables.filter(({ name }) => name !== 'qq_account_service_migrations'))
    made.push(
      JSON.stringify(await database.query(`SHOW CREATE TABLE \`${name}\``)).replace(
        / AUTO_INCREMENT=\d+/,
        '',
      ),
    );
  return made;
}

const NO_KEYS = [
  'ALTER TABLE tb_address DROP FOREIGN KEY tb_address_user_id_1e1ae8b9_fk_tb_users_id',
  'ALTER TABLE tb_users DROP FOREIGN KEY tb_users_default_address_id_2f6a4f2d_fk_tb_address_id',
  'ALTER TABLE tb_oauth_qq DROP FOREIGN KEY tb_oauth_qq_user_id_56f4c4a6_fk_tb_users_id',
];

const OBSTACLES: readonly (readonly [why: string, statements: readonly string[], sentence: RegExp])[] = [
  [
    'accounts in MyISAM',
    [...NO_KEYS, 'ALTER TABLE tb_users ENGINE = MyISAM'],
    /tb_users is MyISAM[^]*ENGINE = InnoDB/,
  ],
  [
    'bindings in MyISAM',
    [
      'ALTER TABLE tb_oauth_qq DROP FOREIGN KEY tb_oauth_qq_user_id_56f4c4a6_fk_tb_users_id',
      'ALTER TABLE tb_oauth_qq ENGINE = MyISAM',
    ],
    /tb_oauth_qq is MyISAM/,
  ],
  [
    'a view',
    ['RENAME TABLE tb_oauth_qq TO shop_bindings', 'CREATE VIEW tb_oauth_qq AS SELECT * FROM shop_bindings'],
    /tb_oauth_qq is a view/,
  ],
  [
    'a column of the shop without a default',
    ['ALTER TABLE tb_users ADD level int NOT NULL'],
    /tb_users\.level \(int\) is NOT NULL without a default[^]*ALTER COLUMN `level` SET DEFAULT/,
  ],
  [
    'a moment of the shop without a default',
    ['ALTER TABLE tb_users ADD seen datetime(6) NOT NULL'],
    /tb_users\.seen \(datetime\) is NOT NULL without a default[^]*SHOW CREATE TABLE/,
  ],
  ['a missing column', ['ALTER TABLE tb_users DROP email_active'], /tb_users\.email_active is missing/],
  [
    'a column of another type',
    ['ALTER TABLE tb_users MODIFY mobile bigint NOT NULL'],
    /tb_users\.mobile is bigint, not varchar/,
  ],
  [
    'a password that does not fit',
    [
      'ALTER TABLE tb_users MODIFY password varchar(60) NOT NULL',
      'UPDATE tb_users SET password = id',
    ].toReversed(),
    /tb_users\.password takes 60 characters; the service writes up to 128/,
  ],
  [
    'an openid that does not fit',
    ['DELETE FROM tb_oauth_qq', 'ALTER TABLE tb_oauth_qq MODIFY openid varchar(20) NOT NULL'],
    /tb_oauth_qq\.openid takes 20 characters/,
  ],
  [
    'a last login that is never NULL',
    [
      'UPDATE tb_users SET last_login = date_joined',
      'ALTER TABLE tb_users MODIFY last_login datetime(6) NOT NULL',
    ],
    /tb_users\.last_login is NOT NULL; the service writes NULL/,
  ],
  [
    'a generated column',
    ['ALTER TABLE tb_users DROP email_active', 'ALTER TABLE tb_users ADD email_active tinyint AS (0) STORED'],
    /tb_users\.email_active is a generated column/,
  ],
  [
    'numbers that are not given by the database',
    [...NO_KEYS, 'ALTER TABLE tb_oauth_qq MODIFY id int NOT NULL'],
    /tb_oauth_qq\.id is not AUTO_INCREMENT/,
  ],
  [
    'a mobile twice',
    ['ALTER TABLE tb_users DROP INDEX mobile', "UPDATE tb_users SET mobile = '13800138000'"],
    /tb_users holds the same mobile more than once[^]*HAVING COUNT/,
  ],
  [
    'a username twice',
    ['ALTER TABLE tb_users DROP INDEX username', "UPDATE tb_users SET username = 'both'"],
    /tb_users holds the same username more than once/,
  ],
  [
    'a unionid twice',
    [
      'ALTER TABLE tb_oauth_qq ADD unionid varchar(64)',
      djangoBinding('A'.repeat(32), 2),
      "UPDATE tb_oauth_qq SET unionid = 'U'",
    ],
    /tb_oauth_qq holds the same unionid more than once/,
  ],
  [
    'a unique index of a name that says nothing',
    ['ALTER TABLE tb_users DROP INDEX mobile', 'CREATE UNIQUE INDEX uk_2 ON tb_users (mobile)'],
    /the unique index on tb_users\.mobile is called uk_2[^]*RENAME INDEX `uk_2` TO `mobile`/,
  ],
  [
    'names in gbk',
    ['ALTER TABLE tb_users MODIFY username varchar(150) CHARACTER SET gbk NOT NULL'],
    /tb_users\.username is gbk/,
  ],
  [
    'a table of another program with the name of the trail',
    ['CREATE TABLE tb_account_event (id int)'],
    /tb_account_event exists and is not/,
  ],
];

describe('a table that the promises cannot hold on', () => {
  it.each(OBSTACLES)(
    'an unsuitable table stops the migration before any change, and db:check reports it: %s',
    async (_, statements, sentence) => {
      await run(...statements);
      const before = await schema();

      const checked = await checkDatabase(database);
      await expect(database.runMigrations()).rejects.toThrow(sentence);

      expect(await schema()).toEqual(before);
      expect(checked.report).toMatch(sentence);
      expect(checked.blocked).toBe(true);
      // Each statement that it shows can be run as it stands.
      const shown = [...checked.report.matchAll(/^ {4}(\S.*);$/gm)].map(([, statement]) => statement!);
      for (const statement of shown) await database.query(statement);
      if (shown.some((statement) => /^(ALTER|RENAME)/.test(statement)))
        expect((await checkDatabase(database)).report).not.toMatch(sentence);
    },
  );

  it('all unsuitable tables are reported together', async () => {
    await run('ALTER TABLE tb_users ADD level int NOT NULL', 'ALTER TABLE tb_users DROP email_active');

    await expect(database.runMigrations()).rejects.toThrow(
      /Nothing was changed[^]*email_active is missing[^]*tb_users\.level/,
    );
  });
});

describe('a shop without the unique indexes', () => {
  it('a shop without the unique indexes gets them if its rows allow it, errors name the field, and the way down removes them', async () => {
    await run('ALTER TABLE tb_users DROP INDEX mobile', 'ALTER TABLE tb_users DROP INDEX username');
    const before = await schema();
    expect((await checkDatabase(database)).report).toMatch(
      /add a unique index on tb_users.username[^]*mobile/,
    );

    await database.runMigrations();

    const twin = (fields: Partial<User>) =>
      database.manager
        .insert(User, Object.assign(new User(), { password: '!', dateJoined: new Date(), ...fields }))
        .then(undefined, violatedUnique);
    expect(await twin({ username: 'other', mobile: '13800138000' })).toBe('mobile');
    expect(await twin({ username: '13800138000', mobile: '13900139000' })).toBe('username');
    for (const _ of database.migrations) await database.undoLastMigration();
    expect(await schema()).toEqual(before);
  });

  it("an openid index with MySQL's own name is recognized in errors too", async () => {
    await run('CREATE UNIQUE INDEX openid ON tb_oauth_qq (openid)');
    await database.runMigrations();

    const now = new Date();
    const again = database.manager.insert(OAuthQQUser, {
      openid: OPENID,
      userId: 2,
      createTime: now,
      updateTime: now,
    });

    expect(await again.then(undefined, violatedUnique)).toBe('openid');
  });
});

describe('a shop whose keys are unsigned', () => {
  it('a shop with unsigned keys gets bindings that can refer to them', async () => {
    await run(
      'DROP TABLE tb_oauth_qq',
      ...NO_KEYS.slice(0, 2),
      'ALTER TABLE tb_users MODIFY id bigint unsigned NOT NULL AUTO_INCREMENT',
    );

    await database.runMigrations();

    expect((await schema()).join()).toContain('`user_id` bigint(20) unsigned NOT NULL');
  });
});

describe('db:check', () => {
  it('db:check says what the migration would do, and nothing after it', async () => {
    const { report, blocked } = await checkDatabase(database);
    expect(blocked).toBe(false);
    expect(report).toMatch(/create the table tb_account_event/);
    expect(report).toMatch(/add a unique index on tb_oauth_qq\.openid/);
    expect(report).toMatch(/add the column tb_oauth_qq\.unionid/);
    const before = await schema();
    await checkDatabase(database);
    expect(await schema()).toEqual(before);

    await database.runMigrations();
    expect((await checkDatabase(database)).report).toMatch(/^db:migrate would: nothing\./);
  });

  it('db:check lists rows to look at that do not stop the migration, with the statement that finds them', async () => {
    await run(
      "UPDATE tb_users SET mobile = '020-8888' WHERE id = 2",
      djangoUser('13700137000'),
      "UPDATE tb_users SET username = '13800138000x' WHERE id = 1",
      "UPDATE tb_users SET username = '13800138000' WHERE id = 2",
      djangoBinding('no-openid', 1),
      'CREATE TRIGGER log_users BEFORE INSERT ON tb_users FOR EACH ROW SET NEW.first_name = NEW.first_name',
    );

    const { report, blocked } = await checkDatabase(database);

    expect(blocked).toBe(false);
    for (const line of [
      /1 accounts have a mobile that is none/,
      /1 accounts have a username that is another person's mobile/,
      /1 rows of tb_oauth_qq have an openid that is none/,
      /tb_users has triggers[^\n]*log_users/,
    ])
      expect(report).toMatch(line);
    for (const [statement] of report.matchAll(/SELECT [^;]+/g))
      expect((await database.query<unknown[]>(statement)).length).toBeGreaterThan(0);
  });

  it('db:check reports an openid that is bound twice', async () => {
    await run(djangoBinding(OPENID, 2));

    const { report, blocked } = await checkDatabase(database);

    expect(blocked).toBe(true);
    expect(report).toContain('2 rows of tb_oauth_qq share an openid');
  });

  it('db:check accepts an empty database', async () => {
    await run(...NO_KEYS, 'DROP TABLE tb_oauth_qq, tb_address, tb_users');

    const { report, blocked } = await checkDatabase(database);

    expect(blocked).toBe(false);
    expect(report).toMatch(/create the table tb_users[^]*create the table tb_oauth_qq/);
  });
});

describe('two and more migrations at once', () => {
  it('simultaneous migrations run one after the other, and each step runs once', async () => {
    const others = await Promise.all(
      [1, 2].map(async () => (await openDatabase({ DATABASE_URL: urlOf(database) })).initialize()),
    );

    const runs = await Promise.all([database, ...others].map((source) => source.runMigrations()));

    expect(runs.map((done) => done.length).toSorted((a, b) => a - b)).toEqual([
      0,
      0,
      database.migrations.length,
    ]);
    const rows = await database.query<{ name: string }[]>('SELECT name FROM qq_account_service_migrations');
    expect(new Set(rows.map(({ name }) => name)).size).toBe(database.migrations.length);
    expect(rows).toHaveLength(database.migrations.length);
    await Promise.all(others.map((source) => source.destroy()));
  });
});

function urlOf({ options }: DataSource): string {
  const { host, port, username, database: name } = options as unknown as Record<string, string>;
  return `mysql://${username}@${host}:${port}/${name}`;
}
