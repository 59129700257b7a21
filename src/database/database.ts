import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  DataSource,
  type DataSourceOptions,
  EntityManager,
  type Logger,
  QueryFailedError,
  type QueryRunner,
} from 'typeorm';
// Loading these does not load better-sqlite3: its driver does that when it is made, and only the embedded mode makes one.
import { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import type { IsolationLevel } from 'typeorm/driver/types/IsolationLevel.js';
import { OperatorError } from '../common/operator-error.js';
import type { Config } from '../config/config.js';
import { CreateAccounts1700000000000 } from './migrations/1700000000000-create-accounts.js';
import { CreateAccountEvents1700000001000 } from './migrations/1700000001000-create-account-events.js';
import { AddLoginsAndDetails1700000002000 } from './migrations/1700000002000-add-logins-and-details.js';
import { BoundedMysqlRunner, CONNECT_TIMEOUT_MS, QUERY_TIMEOUT_MS } from './mysql-runner.js';
import { TurnTakingRunner, Turns } from './sqlite-runner.js';

const CONNECTIONS = 20;
/** Callers that may wait for a connection; the next one gets an error at once. */
const QUEUE = 100;
const TRIES = 3;

/** Away for the moment: it is not reached, not answering, not writable, or the lock is someone else's. */
const AWAY = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
  'ER_CON_COUNT_ERROR',
  'ER_CONNECTION_KILLED',
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_QUERY_INTERRUPTED',
  'ER_READ_ONLY_MODE',
  'ER_SERVER_SHUTDOWN',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'SQLITE_BUSY',
]);

/** What mysql2 says without a code. */
const AWAY_MESSAGES = new Set([
  'Queue limit reached.',
  'Pool is closed.',
  "Can't add new command when connection is in closed state",
]);

/** Whether the database is away for the moment (the caller may try again), as against a fault of ours. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (code !== undefined && AWAY.has(code)) || AWAY_MESSAGES.has(error.message);
}

type Options = DataSourceOptions &
  Pick<TypeOrmModuleOptions, 'autoLoadEntities' | 'retryAttempts' | 'retryDelay' | 'toRetry'>;

/**
 * MySQL or MariaDB where `DATABASE_URL` says so, otherwise the embedded SQLite file below the working directory,
 * which brings itself up to date. A server is migrated by `npm run db:migrate`, never by the service.
 */
export function databaseOptions({ DATABASE_URL }: Pick<Config, 'DATABASE_URL'>): Options {
  const shared = {
    // Each module brings its own entities (TypeOrmModule.forFeature).
    autoLoadEntities: true,
    migrations: [
      CreateAccounts1700000000000,
      CreateAccountEvents1700000001000,
      AddLoginsAndDetails1700000002000,
    ],
    // Not `migrations`: the shop's database is shared, and other tools call theirs so.
    migrationsTableName: 'qq_account_service_migrations',
    synchronize: false,
    // Statements and their parameters hold mobiles, openids and password hashes. `logging: false` is not enough:
    // a slow query would be written down all the same.
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
    poolSize: CONNECTIONS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableQueryTimeout: true,
    maxQueryExecutionTime: QUERY_TIMEOUT_MS,
    extra: { queueLimit: QUEUE, enableKeepAlive: true, keepAliveInitialDelay: 10_000 },
    // Rides out the server's own restart, then stops with the reason, so that the orchestrator sees it and
    // starts anew; a wrong password or name does not come right by waiting.
    retryAttempts: 5,
    retryDelay: 2000,
    toRetry: (error: Error) => isDatabaseAway(error.cause),
  };
}

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

/** For `TypeOrmModule.forRootAsync({ useFactory: databaseOptions, dataSourceFactory: createDataSource })`. */
export async function createDataSource(options?: DataSourceOptions): Promise<DataSource> {
  if (!options) throw new Error('createDataSource: databaseOptions(config) are missing');
  return new ShopDataSource(options);
}

/** TypeORM's DataSource, with what it leaves to chance made certain: see the runners and the manager below. */
export class ShopDataSource extends DataSource {
  constructor(options: DataSourceOptions) {
    super(options);
    const { driver } = this;
    if (driver instanceof BetterSqlite3Driver) {
      const turns = new Turns();
      driver.createQueryRunner = () => new TurnTakingRunner(driver, turns);
    } else if (driver instanceof MysqlDriver) {
      driver.createQueryRunner = (mode) => new BoundedMysqlRunner(driver, mode);
    }
  }

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    return new RetryingEntityManager(this, queryRunner);
  }

  override async initialize(): Promise<this> {
    try {
      return await super.initialize();
    } catch (error) {
      if (this.driver instanceof BetterSqlite3Driver) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new OperatorError(`DATABASE_URL: the database does not let us in (${code ?? message})`, {
        cause: error,
      });
    }
  }
}

/**
 * Runs a transaction again that InnoDB chose as a deadlock's victim, three times in all.
 *
 * Nothing may be done twice by that: InnoDB has rolled the whole transaction back, and by contract the callback
 * does nothing outside the database before its last step, the SMS spend. A deadlock that reaches us from inside
 * the callback came from a statement, so from before that step. One that comes from COMMIT (a Galera cluster says
 * 1213 there) came after it and is not run again, but thrown, and the caller puts the code back.
 */
class RetryingEntityManager extends EntityManager {
  override transaction<T>(run: (tx: EntityManager) => Promise<T>): Promise<T>;
  override transaction<T>(isolation: IsolationLevel, run: (tx: EntityManager) => Promise<T>): Promise<T>;
  override async transaction<T>(
    first: IsolationLevel | ((tx: EntityManager) => Promise<T>),
    second?: (tx: EntityManager) => Promise<T>,
  ): Promise<T> {
    // By type, not by number: DataSource passes two arguments on, whatever it was given.
    const [isolation, run] = typeof first === 'function' ? [undefined, first] : [first, second!];
    for (let left = TRIES - 1; ; left--) {
      let insideFault: unknown;
      const watched = async (tx: EntityManager) => {
        try {
          return await run(tx);
        } catch (error) {
          insideFault = error;
          throw error;
        }
      };
      try {
        return await (isolation ? super.transaction(isolation, watched) : super.transaction(watched));
      } catch (error) {
        // A nested transaction lives in the outer one, which is gone as a whole: the outer one is run again.
        const again = left > 0 && !this.queryRunner && error === insideFault && isDeadlock(error);
        if (!again) throw error;
      }
    }
  }
}

function isDeadlock(error: unknown): boolean {
  return error instanceof QueryFailedError && (error as NodeJS.ErrnoException).code === 'ER_LOCK_DEADLOCK';
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
