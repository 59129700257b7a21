import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import type { TestProject } from 'vitest/node';
import { findServers, type RunningServer, startDatabase, startRedis } from './servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Only in the projects `servers` and `cluster`; see `freshBackends`. */
    servers?: {
      databaseUrl: string;
      databasePrefix: string;
      /** Undefined: each file starts a Redis Cluster of its own. */
      redisUrl?: string;
    };
    /** What the tests of this project ran against, for the summary. */
    ranAgainst?: string;
  }
}

/** Starts MariaDB or MySQL, and Redis, for the project `servers`. They stop when it ends, even if it is killed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { redis: found } = findServers();
  if (!found) throw new Error('The project `servers` needs Redis');
  const redis = await startRedis(found);
  try {
    const stopDatabase = await provideDatabase(project, redis);
    return async () => void (await Promise.all([stopDatabase(), redis.stop()]));
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

/** Starts the database and tells the tests where the servers are. Returns what stops it. */
export async function provideDatabase(
  project: TestProject,
  redis: Pick<RunningServer, 'label'> & { url?: string },
): Promise<() => Promise<void>> {
  const { database: found } = findServers();
  if (!found) throw new Error(`The project \`${project.name}\` needs MariaDB or MySQL`);
  const database = await startDatabase(found);
  const databasePrefix = `qq_test_${randomBytes(4).toString('hex')}_`;
  const redisUrl = redis.url === undefined ? {} : { redisUrl: redis.url };
  project.provide('servers', { databaseUrl: database.url, databasePrefix, ...redisUrl });
  project.provide('ranAgainst', `${database.label} + ${redis.label}`);
  return async () => {
    await dropAll(database.url, databasePrefix);
    await database.stop();
  };
}

/** Drops the databases of this run, because the server may be one that was not started here. */
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
