import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { databaseOptions } from '../../src/database/database-options.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { OLD_PASSWORD, oldAccount } from '../support/fixtures.js';
import { findServers, type RunningServer, startDatabase } from '../support/servers.js';
import { newMobile, newName, newPassword, newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

/** A server of its own, because its global settings would affect other test files. */
const program = findServers({}).database;

let server: RunningServer;
let admin: mysql.Connection;

beforeAll(async () => {
  server = await startDatabase(program!, ['--skip-character-set-client-handshake']);
  admin = await mysql.createConnection(server.url);
  // Not an administrator: init_connect and read-only do not apply to those.
  await admin.query("CREATE USER shop@'%' IDENTIFIED BY 'shop'");
});

afterAll(async () => {
  await admin.end();
  await server.stop();
});

const MODES = [
  'NO_BACKSLASH_ESCAPES',
  'ANSI',
  'TRADITIONAL',
  'ORACLE',
  'POSTGRESQL',
  'MSSQL',
  'EMPTY_STRING_IS_NULL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES',
  'PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,NO_AUTO_VALUE_ON_ZERO,PAD_CHAR_TO_FULL_LENGTH',
  '',
];

const SETTINGS: readonly (readonly [string, Readonly<Record<string, string | number>>])[] = [
  ...MODES.map((mode) => [`sql_mode '${mode}'`, { sql_mode: mode }] as const),
  ['messages in Chinese', { lc_messages: 'zh_CN' }],
  ['messages in German', { lc_messages: 'de_DE' }],
  ['no autocommit', { autocommit: 0 }],
  ['READ UNCOMMITTED', { tx_isolation: 'READ-UNCOMMITTED' }],
  ['SERIALIZABLE', { tx_isolation: 'SERIALIZABLE' }],
  ['read-only transactions', { tx_read_only: 1 }],
  ['another time zone', { time_zone: '+08:00' }],
  ['MyISAM by default', { default_storage_engine: 'MyISAM' }],
  ['connections that end with the transaction', { completion_type: 2 }],
  ['transactions that follow one another', { completion_type: 1 }],
  ['unique indexes and foreign keys unchecked', { unique_checks: 0, foreign_key_checks: 0 }],
  ['one row per SELECT', { sql_select_limit: 1, sql_safe_updates: 1, sql_auto_is_null: 1 }],
  ['small joins only', { sql_big_selects: 0, max_join_size: 1 }],
  ['gbk', { character_set_server: 'gbk', collation_connection: 'gbk_chinese_ci' }],
  ['latin1', { character_set_server: 'latin1', character_set_client: 'latin1' }],
  ['init_connect with another charset', { init_connect: "SET NAMES gbk, sql_mode = 'ANSI,ORACLE'" }],
  [
    'init_connect with an open transaction',
    { init_connect: 'SET autocommit = 0; SET SESSION TRANSACTION READ ONLY' },
  ],
  ['init_connect with another database', { init_connect: 'USE information_schema' }],
  [
    'init_connect with messages and limits',
    { init_connect: "SET lc_messages = 'zh_CN', sql_select_limit = 1, time_zone = '+08:00'" },
  ],
];

let made = 0;

/** A service on a database that was created and migrated under these settings. */
async function startUnder(globals: Readonly<Record<string, string | number>>): Promise<App> {
  const name = `settings_${++made}`;
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.query(`GRANT ALL ON ${name}.* TO shop@'%'`);
  for (const [variable, value] of Object.entries(globals))
    await admin.query(`SET GLOBAL ${variable} = ?`, [value]);
  const url = new URL(`${server.url}/${name}`);
  Object.assign(url, { username: 'shop', password: 'shop' });
  const database = await (await createDataSource(databaseOptions({ DATABASE_URL: url.href }))).initialize();
  await database.runMigrations();
  await database.destroy();
  return startApp({ env: { DATABASE_URL: url.href, LIMITS: 'sms-per-mobile-minute=1000/60' } });
}

describe.skipIf(program === undefined)('a server whose settings say otherwise', () => {
  it.each(SETTINGS)('a database server with other settings changes no result: %s', async (_, globals) => {
    let app: App | undefined;
    try {
      app = await startUnder(globals);
      await storyOf(app);
    } finally {
      await app?.close();
      for (const variable of Object.keys(globals))
        await admin.query(
          variable === 'init_connect' ? "SET GLOBAL init_connect = ''" : `SET GLOBAL ${variable} = DEFAULT`,
        );
    }
  });
});

async function storyOf(app: App): Promise<void> {
  const shopper = app.shopper();
  const login = async (username: string, password: string) =>
    (await app.shopper().post('/authorizations/', { username, password })).body;
  const rows = async (sql: string, ...values: unknown[]) => {
    const [row] = await app.dataSource.query<{ count: number }[]>(sql, values);
    return row?.count;
  };

  // Registration, and the errors of the unique indexes.
  const password = newPassword();
  const mobile = newMobile();
  const username = newName();
  const before = Date.now();
  const sms_code = await shopper.smsCode(mobile);
  const registered = await shopper.post('/users/', { username, mobile, password, sms_code });
  expect(registered.status, registered.text).toBe(201);
  const taken = { username: username.toUpperCase(), mobile: newMobile(), password: newPassword() };
  const again = await shopper.post('/users/', { ...taken, sms_code: await shopper.smsCode(taken.mobile) });
  expect(again.body.errorCode).toBe('USERNAME_TAKEN');

  // Values stay values, whatever they contain.
  for (const quote of ["'", '"', "\\'", '\\"', "\u00bf'", '`'])
    for (const tail of ['#', '-- ', "||'"]) {
      const forged = `${quote})) UNION SELECT 1,0x61,0x62,0x63,0,1,password FROM tb_users WHERE id=1${tail}`;
      expect(await login(forged.slice(0, 150), password)).toMatchObject({ errorCode: 'CREDENTIALS_INVALID' });
    }
  for (const name of ["o'brien", 'a"b', 'a\\', 'a||b', `${username}'`, `${username}\\`])
    expect(await login(name, password)).toMatchObject({ errorCode: 'CREDENTIALS_INVALID' });
  expect(await login(username, password)).toMatchObject({ user_id: registered.body.id });

  // A bind is complete or absent, and one QQ has one account.
  const qq = newQq();
  const forms = [await shopper.bindForm({ qq }), await shopper.bindForm({ qq })];
  const binds = await Promise.all(forms.map((form) => shopper.bind(form)));
  const won = binds.find(({ status }) => status === 200)!;
  const lost = forms[binds.findIndex(({ status }) => status === 400)]!;
  expect(await rows('SELECT COUNT(*) AS count FROM tb_users WHERE mobile = ?', lost.mobile)).toBe(0);
  expect((await shopper.loginWithQq(qq)).body.user_id).toBe(won.body.user_id);

  // Everything is committed, visible to another connection, and dated in UTC.
  const seen = await app.dataSource.query<{ dateJoined: Date }[]>(
    'SELECT date_joined AS dateJoined FROM tb_users WHERE mobile = ?',
    [mobile],
  );
  expect(seen[0]!.dateJoined.getTime()).toBeGreaterThanOrEqual(before - 1000);
  expect(seen[0]!.dateJoined.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
  const { body: events } = await shopper.get('/user/events/', won.body.token);
  expect((events as unknown as unknown[]).length).toBeGreaterThan(1);

  // Text does not change in the table or when it is read.
  const name = `小明é${made}`;
  await oldAccount(app, { username: name, password: OLD_PASSWORD.encoded });
  const [stored] = await rowsSeenByAdmin(
    app,
    'SELECT HEX(CONVERT(username USING utf8mb4)) AS hex FROM tb_users WHERE id = (SELECT MAX(id) FROM tb_users)',
  );
  expect(stored).toEqual({ hex: Buffer.from(name).toString('hex').toUpperCase() });
  expect(await login(name, OLD_PASSWORD.plain)).toMatchObject({ username: name });

  // A binding without an account is refused.
  const now = new Date();
  const orphan = { openid: 'F'.repeat(32), userId: 2_000_000_000, createTime: now, updateTime: now };
  await expect(app.dataSource.getRepository(OAuthQQUser).insert(orphan)).rejects.toThrow(/foreign key/i);

  // Settings that some other statement relies on.
  const names = Object.keys(STATED);
  const [session] = await app.dataSource.query<object[]>(
    `SELECT ${names.map((variable) => `@@${variable} AS ${variable}`).join(', ')}`,
  );
  expect(session).toEqual(STATED);
  const [transactions] = await app.dataSource
    .query<object[]>('SELECT @@transaction_isolation AS isolation, @@transaction_read_only AS readOnly')
    // MariaDB before 11.1 uses other names for both.
    .catch(() =>
      app.dataSource.query<object[]>('SELECT @@tx_isolation AS isolation, @@tx_read_only AS readOnly'),
    );
  expect(transactions).toEqual({ isolation: 'REPEATABLE-READ', readOnly: 0 });
}

const STATED = {
  sql_mode: 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
  character_set_client: 'utf8mb4',
  character_set_connection: 'utf8mb4',
  character_set_results: 'utf8mb4',
  collation_connection: 'utf8mb4_unicode_ci',
  lc_messages: 'en_US',
  time_zone: '+00:00',
  autocommit: 1,
  completion_type: 'NO_CHAIN',
  default_storage_engine: 'InnoDB',
  foreign_key_checks: 1,
  unique_checks: 1,
  sql_auto_is_null: 0,
  sql_safe_updates: 0,
  sql_big_selects: 1,
  sql_select_limit: '18446744073709551615',
};

/** Uses a connection that sets its own charset. */
async function rowsSeenByAdmin(app: App, sql: string): Promise<mysql.RowDataPacket[]> {
  const url = new URL(app.config.DATABASE_URL!);
  Object.assign(url, { username: 'root', password: '' });
  const connection = await mysql.createConnection({ uri: url.href, charset: 'utf8mb4' });
  try {
    await connection.query('SET NAMES utf8mb4');
    return (await connection.query<mysql.RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}
