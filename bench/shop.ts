import { createHash } from 'node:crypto';
import bcrypt from 'bcrypt';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { findServers, type RunningServer, startDatabase, startRedis } from '../test/support/servers.js';
import { runToEnd } from './processes.js';

/**
 * The password of every generated account: once with the lowest cost, so that a bind takes no time, and once with a
 * usual cost.
 */
export const PASSWORD = 'mysecret12';
export const SMS_CODE = '246810';

/** MariaDB and Redis for the bench alone, with the service's tables. */
export class Shop {
  private constructor(
    readonly databaseUrl: string,
    readonly redisUrl: string,
    readonly label: string,
    private readonly servers: readonly RunningServer[],
    readonly database: mysql.Connection,
    readonly redis: Redis,
  ) {}

  /** @throws Error when there is no MariaDB, MySQL or Redis to start */
  static async open(): Promise<Shop> {
    const found = findServers();
    if (!found.database || !found.redis) throw new Error('The bench needs MariaDB or MySQL, and Redis');
    const [database, redis] = await Promise.all([startDatabase(found.database), startRedis(found.redis)]);
    const name = `qq_bench_${process.pid}`;
    const databaseUrl = `${database.url}/${name}`;
    const admin = await mysql.createConnection(database.url);
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await admin.changeUser({ database: name });
    await runToEnd(['npm', 'run', '-s', 'db:migrate'], { DATABASE_URL: databaseUrl });
    const redisUrl = `${redis.url}/1`;
    const label = `${database.label} + ${redis.label}`;
    return new Shop(databaseUrl, redisUrl, label, [database, redis], admin, new Redis(redisUrl));
  }

  /** Adds accounts with SQL until there are so many. Each has one QQ and the mobile `mobileOf(n)`. */
  async grow(accounts: number, cost: number): Promise<void> {
    const [[{ known }]] = (await this.database.query(
      'SELECT COUNT(*) AS known FROM tb_users',
    )) as unknown as [[{ known: number }]];
    const password = await encoded(cost);
    for (let from = known; from < accounts; from += 100_000) {
      const to = Math.min(from + 100_000, accounts);
      await this.database.query(
        `INSERT INTO tb_users (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
           date_joined, mobile, email_active)
         SELECT n, ?, 0, 13000000000 + n, '', '', '', 0, 1, '2020-01-01', 13000000000 + n, 0 FROM ${numbers(from, to)}`,
        [password],
      );
      await this.database.query(
        `INSERT INTO tb_oauth_qq (create_time, update_time, openid, user_id)
         SELECT '2020-01-01', '2020-01-01', UPPER(MD5(CONCAT('bound ', n))), n FROM ${numbers(from, to)}`,
      );
    }
    await this.database.query('ANALYZE TABLE tb_users, tb_oauth_qq');
  }

  /** Sets every account's password hash to this cost. */
  async setCost(cost: number): Promise<void> {
    await this.database.query('UPDATE tb_users SET password = ?', [await encoded(cost)]);
  }

  /** Adds audit rows for these accounts until there are so many. */
  async growTrail(rows: number, accounts: number): Promise<void> {
    const [[{ known }]] = (await this.database.query(
      'SELECT COUNT(*) AS known FROM tb_account_event',
    )) as unknown as [[{ known: number }]];
    for (let from = known; from < rows; from += 1_000_000) {
      const to = Math.min(from + 1_000_000, rows);
      await this.database.query(
        `INSERT INTO tb_account_event (at, user_id, event, via, openid_hash, ip, user_agent, request_id)
         SELECT TIMESTAMPADD(SECOND, -n, UTC_TIMESTAMP(6)), 1 + n % ${accounts}, 'logged_in', 'qq',
           SHA2(CONCAT('bound ', 1 + n % ${accounts}), 256), '203.0.113.7', 'Mozilla/5.0 (bench)', UUID()
         FROM ${numbers(from, to)}`,
      );
    }
    await this.database.query('ANALYZE TABLE tb_account_event');
  }

  /** Writes SMS codes into Redis directly. */
  async giveSmsCodes(mobiles: readonly string[]): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const mobile of mobiles) pipeline.set(`sms_${mobile}`, SMS_CODE, 'EX', 300);
    await pipeline.exec();
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.database.end();
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

export const mobileOf = (account: number): string => String(13_000_000_000 + account);
/** The openid of a generated account, and of a QQ without one. */
export const boundQq = (account: number): string => openid(`bound ${account}`);
export const unboundQq = (nth: number): string => openid(`unbound ${nth}`);

function openid(text: string): string {
  return createHash('md5').update(text).digest('hex').toUpperCase();
}

async function encoded(cost: number): Promise<string> {
  const hex = createHash('sha256').update(PASSWORD).digest('hex');
  return `bcrypt_sha256$${await bcrypt.hash(hex, cost)}`;
}

/**
 * The numbers after `from` up to `to` (at most a million) as a table. Built from digits, because MySQL has no
 * sequences.
 */
function numbers(from: number, to: number): string {
  const digits =
    '(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)';
  const places = ['a', 'b', 'c', 'd', 'e', 'f'];
  const sum = places.map((place, index) => `${place}.d * ${10 ** index}`).join(' + ');
  const joined = places.map((place) => `${digits} ${place}`).join(', ');
  return `(SELECT ${from} + 1 + ${sum} AS n FROM ${joined}) numbers WHERE n <= ${to}`;
}
