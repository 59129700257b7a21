import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import type { TestProject } from 'vitest/node';
import { findServers, startDatabase, startRedis } from './servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Only in the project `servers`; see `freshBackends`. */
    servers?: { databaseUrl: string; redisUrl: string; databasePrefix: string };
    /** What the tests of this project ran against, for the summary. */
    ranAgainst?: string;
  }
}

/** Starts MariaDB and Redis for the project `servers`, and takes them away when it has ended, however it ended. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found = findServers();
  if (!found.database || !found.redis)
    throw new Error('The project `servers` needs MariaDB or MySQL, and Redis');
  const database = await startDatabase(found.database);
  const redis = await startRedis(found.redis).catch(async (error: unknown) => {
    await database.stop();
    throw error;
  });
  const databasePrefix = `qq_test_${randomBytes(4).toString('hex')}_`;
  project.provide('servers', { databaseUrl: database.url, redisUrl: redis.url, databasePrefix });
  project.provide('ranAgainst', `${database.label} + ${redis.label}`);
  return async () => {
    await dropAll(database.url, databasePrefix);
    await Promise.all([database.stop(), redis.stop()]);
  };
}

/** The databases of this run on a server that was here before it, whatever became of the tests that made them. */
async function dropAll(url: string, prefix: string): Promise<void> {
  const connection = await mysql.createConnection(url);
  const like = `${prefix.replaceAll('_', String.raw`\_`)}%`;
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE ?',
    [like],
  );
  for (const { name } of rows) await connection.query('DROP DATABASE ??', [name]);
  await connection.end();
}
