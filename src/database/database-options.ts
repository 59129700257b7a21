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

/** The part of the configuration that the database needs. */
export type DatabaseSettings = Pick<Config, 'DATABASE_URL'> & Partial<Pick<Config, 'WEB_CONCURRENCY'>>;

/** Shared by all workers of one machine. */
const CONNECTIONS = 20;
/** Callers that may wait for a connection. The next one fails at once. TIME_LIMIT_MS bounds the wait. */
const QUEUE = 1000;
/** Milliseconds for a new connection. */
const CONNECT_TIMEOUT_MS = 2000;
/** Milliseconds for one statement or one whole transaction, including the wait for its connection. */
const TIME_LIMIT_MS = 4000;
/**
 * Statements that each connection keeps prepared. The least recently used one is closed first. A server allows 16,382
 * for all clients by default (`max_prepared_stmt_count`).
 */
const PREPARED_STATEMENTS = 100;

type Options = DataSourceOptions &
  Pick<TypeOrmModuleOptions, 'autoLoadEntities' | 'retryAttempts' | 'retryDelay' | 'toRetry'>;

/**
 * MySQL or MariaDB if `DATABASE_URL` is set, otherwise the embedded SQLite file below the working directory. The
 * service migrates the embedded file at boot. A server is migrated by `npm run db:migrate`, never by the service.
 */
export function databaseOptions({ DATABASE_URL, WEB_CONCURRENCY = 1 }: DatabaseSettings): Options {
  const shared = {
    // Each module brings its own entities (TypeOrmModule.forFeature).
    autoLoadEntities: true,
    migrations: [CreateAccounts1700000000000, CreateAccountEvents1700000001000, AddQqDetails1700000002000],
    // Not `migrations`: other tools use that name in the shop's database.
    migrationsTableName: MIGRATIONS_TABLE,
    synchronize: false,
    // Statements and their parameters contain mobiles, openids and password hashes. `logging: false` is not enough:
    // TypeORM would still log slow statements.
    logger: new NoLogger(),
  };
  if (!DATABASE_URL)
    return {
      ...shared,
      type: 'better-sqlite3',
      // The same interface as better-sqlite3, but its binaries come in npm packages: no compiler and no download.
      driver: createRequire(import.meta.url)('libsql') as unknown,
      database: join('.data', 'shop.sqlite'),
      enableWAL: true,
      migrationsRun: true,
      // Waiting does not repair a file.
      toRetry: () => false,
    };
  return {
    ...shared,
    ...serverAddress(DATABASE_URL),
    type: 'mysql',
    charset: 'utf8mb4',
    timezone: 'Z',
    // Returns bigint as a number, like SQLite. A value beyond 2^53 is still a string.
    bigNumberStrings: false,
    poolSize: shareOf(CONNECTIONS, WEB_CONCURRENCY),
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxQueryExecutionTime: TIME_LIMIT_MS,
    // Otherwise mysql2 takes a stack trace for every statement.
    trace: false,
    extra: {
      queueLimit: QUEUE,
      maxPreparedStatements: PREPARED_STATEMENTS,
      enableKeepAlive: true,
      keepAliveInitialDelay: 10_000,
    },
    // Waits for a server that is starting, then exits with the reason, so that the orchestrator restarts the service. A
    // wrong password or name is not retried.
    retryAttempts: 5,
    retryDelay: 2000,
    toRetry: (error: Error) => isDatabaseAway(error.cause),
  };
}

/** The table in which TypeORM records the migrations that have run. */
export const MIGRATIONS_TABLE = 'qq_account_service_migrations';

/** @throws OperatorError without the URL, which contains the password */
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
    // Node checks the server's certificate against the authorities it trusts (NODE_EXTRA_CA_CERTS adds one).
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
  // Errors are also thrown, and the code that catches them logs them.
}
