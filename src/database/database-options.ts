import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { DataSourceOptions, Logger } from 'typeorm';
import { OperatorError } from '../common/operator-error.js';
import type { Config } from '../config/config.js';
import { shareOf } from '../config/worker.js';
import { isDatabaseAway } from './database-away.js';
import { CreateAccounts1700000000000 } from './migrations/1700000000000-create-accounts.js';
import { CreateAccountEvents1700000001000 } from './migrations/1700000001000-create-account-events.js';
import { AddQqDetails1700000002000 } from './migrations/1700000002000-add-qq-details.js';

/** What the database needs of the configuration. */
export type DatabaseSettings = Pick<Config, 'DATABASE_URL'> & Partial<Pick<Config, 'WEB_CONCURRENCY'>>;

/** Of all workers of one machine together. */
const CONNECTIONS = 20;
/** Callers that may wait for a connection; the next one gets an error at once. The time limit below bounds their wait. */
const QUEUE = 1000;
/** Milliseconds for a new connection. */
const CONNECT_TIMEOUT_MS = 2000;
/** Milliseconds for one statement or one whole transaction, waiting for its connection included. */
const TIME_LIMIT_MS = 4000;
/**
 * Statements that each connection keeps prepared, the least recently used one closed first. A server allows 16,382
 * for all its clients by default (`max_prepared_stmt_count`).
 */
const PREPARED_STATEMENTS = 100;

type Options = DataSourceOptions &
  Pick<TypeOrmModuleOptions, 'autoLoadEntities' | 'retryAttempts' | 'retryDelay' | 'toRetry'>;

/**
 * MySQL or MariaDB where `DATABASE_URL` says so, otherwise the embedded SQLite file below the working directory,
 * which brings itself up to date. A server is migrated by `npm run db:migrate`, never by the service.
 */
export function databaseOptions({ DATABASE_URL, WEB_CONCURRENCY = 1 }: DatabaseSettings): Options {
  const shared = {
    // Each module brings its own entities (TypeOrmModule.forFeature).
    autoLoadEntities: true,
    migrations: [CreateAccounts1700000000000, CreateAccountEvents1700000001000, AddQqDetails1700000002000],
    // Not `migrations`: the shop's database is shared, and other tools use that name.
    migrationsTableName: MIGRATIONS_TABLE,
    synchronize: false,
    // Statements and their parameters hold mobiles, openids and password hashes. `logging: false` is not enough:
    // TypeORM logs slow statements all the same.
    logger: new NoLogger(),
  };
  if (!DATABASE_URL)
    return {
      ...shared,
      type: 'better-sqlite3',
      // The same interface as better-sqlite3, with its binaries inside npm packages: no compiler, no download.
      driver: createRequire(import.meta.url)('libsql') as unknown,
      database: join('.data', 'shop.sqlite'),
      enableWAL: true,
      migrationsRun: true,
      // A file does not come back by waiting.
      toRetry: () => false,
    };
  return {
    ...shared,
    ...serverAddress(DATABASE_URL),
    type: 'mysql',
    charset: 'utf8mb4',
    timezone: 'Z',
    // bigint as a number, as SQLite gives it; one beyond 2^53 still comes as a string.
    bigNumberStrings: false,
    poolSize: shareOf(CONNECTIONS, WEB_CONCURRENCY),
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxQueryExecutionTime: TIME_LIMIT_MS,
    // Without it, mysql2 takes a stack trace for every statement.
    trace: false,
    extra: {
      queueLimit: QUEUE,
      maxPreparedStatements: PREPARED_STATEMENTS,
      enableKeepAlive: true,
      keepAliveInitialDelay: 10_000,
    },
    // Waits for a server that is starting, then stops with the reason, so that the orchestrator sees it and starts
    // anew; a wrong password or name does not come right by waiting.
    retryAttempts: 5,
    retryDelay: 2000,
    toRetry: (error: Error) => isDatabaseAway(error.cause),
  };
}

/** Where TypeORM notes which migrations have run. */
export const MIGRATIONS_TABLE = 'qq_account_service_migrations';

/** @throws OperatorError without the URL in it, which holds the password */
function serverAddress(url: string) {
  if (!URL.canParse(url))
    throw new OperatorError(
      'DATABASE_URL: not mysql://user:password@host:3306/name (percent-encode its special characters)',
    );
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  return {
    host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 3306),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    // The server's certificate is then checked against those that Node trusts (NODE_EXTRA_CA_CERTS adds one).
    ...(searchParams.get('ssl') === 'true' && { ssl: {} }),
  };
}

class NoLogger implements Logger {
  readonly logQuery = nothing;
  readonly logQueryError = nothing;
  readonly logQuerySlow = nothing;
  readonly logSchemaBuild = nothing;
  readonly logMigration = nothing;
  readonly log = nothing;
}

function nothing(): void {
  // Errors are thrown as well, and logged by whoever catches them.
}
