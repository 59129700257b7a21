import type mysql from 'mysql2/promise';
import { sqlDuring } from '../test/support/counting.js';
import { Load, type Server, startService } from './processes.js';
import { serviceEnv } from './rounds.js';
import type { Shop } from './shop.js';
import { Work } from './work.js';

const SIZES = [
  { accounts: 2000, rows: 20_000 },
  { accounts: 1_000_000, rows: 10_000_000 },
];
const TIMES = 50;

/** Prints every statement of the hot paths: its plan and its time, at many rows. */
export async function growth(shop: Shop, qq: Server): Promise<void> {
  // The tests' server has a small buffer pool, with which filling the tables would take an hour.
  await shop.database.query(`SET GLOBAL innodb_buffer_pool_size = ${2 ** 31}`);
  for (const { accounts, rows } of SIZES) {
    await shop.grow(accounts, 10);
    await shop.growTrail(rows, accounts);
    console.log(`\n${accounts} accounts, ${rows} audit rows`);
    for (const statement of await hotStatements(shop, qq, accounts)) await explain(shop, statement);
  }
}

async function hotStatements(shop: Shop, qq: Server, accounts: number): Promise<string[]> {
  const service = await startService(serviceEnv({ shop, qq }, 10));
  const load = new Load();
  try {
    const work = new Work(service, load, shop, accounts);
    const once = { connections: 1, seconds: 30 };
    // The first requests open the connections and prepare the statements.
    const { outcome } = await work.callbacks(await work.states(20), 'bound', once);
    const token = `Authorization: Bearer ${outcome.collected.at(-1)}\r\n`;
    const heard = await sqlDuring(shop.databaseUrl, async () => {
      await work.callbacks(await work.states(1), 'bound', once);
      await work.get('/user/', { connections: 1, seconds: 0.05 }, token);
      await work.get('/user/events/?limit=20', { connections: 1, seconds: 0.05 }, token);
      await work.get('/oauth/qq/bindings/', { connections: 1, seconds: 0.05 }, token);
      await work.binds(await work.tokens(1), 'new', once);
      await work.binds(await work.tokens(1), 'existing', once);
      await work.guesses(1, once);
    });
    return [...new Map(heard.map((sql) => [shapeOf(sql), sql])).values()];
  } finally {
    await Promise.all([service.stop(), load.stop()]);
  }
}

/** The statement without its values. */
function shapeOf(sql: string): string {
  return sql
    .replaceAll(/'(?:[^'\\]|\\.)*'/g, '?')
    .replaceAll(/\b\d+\b/g, '?')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

async function explain(shop: Shop, sql: string): Promise<void> {
  const shape = shapeOf(sql);
  if (!/^(SELECT|UPDATE|DELETE)\b.*\bFROM\b|^UPDATE\b/is.test(shape)) return;
  const [plan] = await shop.database.query<mysql.RowDataPacket[]>(`EXPLAIN ${sql}`);
  const begin = performance.now();
  if (/^SELECT/i.test(shape)) for (let nth = 0; nth < TIMES; nth++) await shop.database.query(sql);
  const ms = /^SELECT/i.test(shape) ? `${((performance.now() - begin) / TIMES).toFixed(2)} ms` : '';
  console.log(`\n${shape}\n  ${ms}`);
  for (const { table, type, key, rows, Extra } of plan)
    console.log(`  ${table}: ${type} by ${key}, ${rows} rows ${Extra ?? ''}`);
}
