import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { inject } from 'vitest';
import type { DataSource } from 'typeorm';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { createDataSource } from '../../src/database/data-source.js';
import { databaseOptions } from '../../src/database/database-options.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { startCluster } from './redis-servers.js';

/** What a test file's service runs on: its own database and Redis, empty except for the migrated tables. */
export interface Backends {
  /** For `loadConfig`: `DATABASE_URL` and `REDIS_URL`, or neither in the project `embedded`. */
  readonly env: { DATABASE_URL?: string; REDIS_URL?: string };
  readonly embedded: boolean;
  /** The end of a run removes everything. A file that makes many backends may call this earlier. */
  drop(): Promise<void>;
}

/** In `servers` and `cluster` a new database and Redis; in `embedded` an empty `.data/` below the file's directory. */
export async function freshBackends(): Promise<Backends> {
  if (!inject('servers')) {
    const drop = async () => rmSync('.data', { recursive: true, force: true });
    await drop();
    return { env: {}, embedded: true, drop };
  }
  const [database, redis] = await Promise.all([freshDatabase(), freshRedis()]);
  return {
    env: { DATABASE_URL: database.url, REDIS_URL: redis.url },
    embedded: false,
    drop: async () => void (await Promise.all([database.drop(), redis.drop()])),
  };
}

/** Opens the database with the service's entities. */
export async function openDatabase(env: Backends['env']): Promise<DataSource> {
  const options = { ...databaseOptions(env), entities: [User, OAuthQQUser, AccountEvent] };
  return createDataSource(options);
}

/** Only in the projects `servers` and `cluster`: a migrated database, or an empty one with `migrated: false`. */
export async function freshDatabase({ migrated = true } = {}) {
  const { databaseUrl, databasePrefix } = servers();
  const name = databasePrefix + randomBytes(6).toString('hex');
  const url = `${databaseUrl}/${name}`;
  const administer = async (statement: string) => {
    const connection = await mysql.createConnection(databaseUrl);
    await connection.query(statement, [name]);
    await connection.end();
  };
  await administer('CREATE DATABASE ?? CHARACTER SET utf8mb4');
  if (migrated) {
    const dataSource = await (await createDataSource(databaseOptions({ DATABASE_URL: url }))).initialize();
    await dataSource.runMigrations();
    await dataSource.destroy();
  }
  return { url, name, drop: () => administer('DROP DATABASE ??') };
}

/** Only in the projects `servers` and `cluster`: an empty database number of its own, or a cluster of its own. */
export async function freshRedis(): Promise<{ url: string; drop: () => Promise<void> }> {
  const { redisUrl } = servers();
  if (redisUrl === undefined) {
    const cluster = await startCluster();
    return { url: cluster.url, drop: () => cluster.stop() };
  }
  const counter = new Redis(redisUrl);
  const [, databases = '16'] = (await counter.config('GET', 'databases')) as string[];
  const issued = await counter.incr('qq-account-service:test:databases');
  counter.disconnect();
  // Number 0 holds the counter. A server with few databases reuses numbers, so the database is flushed.
  const url = `${redisUrl}/${1 + ((issued - 1) % (Number(databases) - 1))}`;
  const drop = async () => {
    const redis = new Redis(url);
    await redis.flushdb();
    redis.disconnect();
  };
  await drop();
  return { url, drop };
}

function servers() {
  const context = inject('servers');
  if (!context) throw new Error('This project has no servers: name the file *.servers.ts');
  return context;
}
