import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';

/** Seconds to wait for another test file's counting, because the server has only one general log. */
const TURN_S = 60;

/**
 * The SQL statements of the service's connections to this database during `action`, including BEGIN and COMMIT. A new
 * connection adds one SET SESSION, so warm the service up first.
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

/** The number of statements during `action`. */
export async function countSql(databaseUrl: string, action: () => Promise<unknown>): Promise<number> {
  return (await sqlDuring(databaseUrl, action)).length;
}

/**
 * The commands that clients sent to this database of Redis during `action`. Commands inside Lua scripts are not
 * included.
 */
export async function redisDuring(redisUrl: string, action: () => Promise<unknown>): Promise<string[][]> {
  const database = new URL(redisUrl).pathname.slice(1) || '0';
  const marker = new Redis(redisUrl);
  const watcher = await monitor(redisUrl);
  try {
    // Markers before and after: a monitor sees commands in the order in which Redis ran them.
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

/** Without ioredis, which mistakes other clients' commands for its own answer while its monitor starts. */
async function monitor(redisUrl: string): Promise<{ lines: Interface; close: () => void }> {
  const { hostname, port } = new URL(redisUrl);
  const socket = connect(Number(port), hostname);
  const lines = createInterface(socket);
  socket.write('MONITOR\r\n');
  await once(lines, 'line');
  return { lines, close: () => socket.destroy() };
}

/** The number of commands during `action`. */
export async function countRedis(redisUrl: string, action: () => Promise<unknown>): Promise<number> {
  return (await redisDuring(redisUrl, action)).length;
}
