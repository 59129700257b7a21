import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';

/** Seconds another test file may take for its own counting: the server has one general log for all. */
const TURN_S = 60;

/**
 * The SQL statements the service sent during `action`: BEGIN and COMMIT too, and what the server heard from
 * nobody but the connections to this database. A connection opened meanwhile says one SET SESSION more, so let the
 * service warm up first.
 */
export async function sqlDuring(databaseUrl: string, action: () => Promise<unknown>): Promise<string[]> {
  const url = new URL(databaseUrl);
  const database = url.pathname.slice(1);
  url.pathname = '';
  const admin = await mysql.createConnection(url.href);
  const query = async (sql: string, values: unknown[] = []) =>
    (await admin.query<mysql.RowDataPacket[]>(sql, values))[0];
  const threads = async () =>
    (await query('SELECT id FROM information_schema.processlist WHERE db = ?', [database])).map(({ id }) =>
      Number(id),
    );
  try {
    await query('SELECT GET_LOCK(?, ?)', ['qq-account-service general log', TURN_S]);
    await query("SET GLOBAL log_output = 'TABLE'");
    await query('TRUNCATE mysql.general_log');
    await query('SET GLOBAL general_log = ON');
    const before = await threads();
    await action();
    await query('SET GLOBAL general_log = OFF');
    const rows = await query(
      'SELECT thread_id, command_type, CONVERT(argument USING utf8mb4) AS argument FROM mysql.general_log',
    );
    const ours = new Set([...before, ...(await threads())]);
    for (const row of rows)
      if (row.command_type === 'Connect' && String(row.argument).includes(` on ${database} `))
        ours.add(Number(row.thread_id));
    return rows
      .filter((row) => ours.has(Number(row.thread_id)) && ['Query', 'Execute'].includes(row.command_type))
      .map((row) => String(row.argument));
  } finally {
    await query('SET GLOBAL general_log = OFF');
    await admin.end();
  }
}

/** How many statements `sqlDuring` saw. */
export async function countSql(databaseUrl: string, action: () => Promise<unknown>): Promise<number> {
  return (await sqlDuring(databaseUrl, action)).length;
}

/** The commands clients sent to this database of Redis during `action`; those inside of Lua scripts are not sent. */
export async function redisDuring(redisUrl: string, action: () => Promise<unknown>): Promise<string[][]> {
  const database = new URL(redisUrl).pathname.slice(1) || '0';
  const marker = new Redis(redisUrl);
  const watcher = await monitor(redisUrl);
  try {
    // Before and after: Redis tells a monitor everything in the order it was done.
    const [start, end] = [randomUUID(), randomUUID()];
    const seen: string[][] = [];
    const ended = new Promise<void>((resolve) => {
      watcher.lines.on('line', (line) => {
        const [, number, source, words = ''] = /^\+[\d.]+ \[(\d+) ([^\]]+)\] (.*)$/.exec(line) ?? [];
        const command = [...words.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word);
        if (command[1] === start) seen.length = 0;
        else if (command[1] === end) resolve();
        else if (number === database && source !== 'lua') seen.push(command);
      });
    });
    await marker.echo(start);
    await action();
    await marker.echo(end);
    await ended;
    return seen;
  } finally {
    watcher.close();
    marker.disconnect();
  }
}

/** By hand: ioredis takes what others do for an answer to itself when they do it as its monitor begins. */
async function monitor(redisUrl: string): Promise<{ lines: Interface; close: () => void }> {
  const { hostname, port } = new URL(redisUrl);
  const socket = connect(Number(port), hostname);
  const lines = createInterface(socket);
  socket.write('MONITOR\r\n');
  await once(lines, 'line');
  return { lines, close: () => socket.destroy() };
}

/** How many commands `redisDuring` saw. */
export async function countRedis(redisUrl: string, action: () => Promise<unknown>): Promise<number> {
  return (await redisDuring(redisUrl, action)).length;
}
