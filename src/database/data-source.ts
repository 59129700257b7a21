import { DataSource, type DataSourceOptions, EntityManager, type QueryRunner } from 'typeorm';
// These imports do not load better-sqlite3. Its driver loads it when it is created, and only the embedded mode creates
// one.
import { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { OperatorError } from '../common/operator-error.js';
import { DeadlockRetryingManager } from './deadlock-retry.js';
import { withMigrationLock } from './migration-lock.js';
import { MysqlConnections } from './mysql-connections.js';
import { PreparingMysqlRunner } from './mysql-runner.js';
import { Mutex, SerializedSqliteRunner } from './sqlite-runner.js';

/** For `TypeOrmModule.forRootAsync({ useFactory: databaseOptions, dataSourceFactory: createDataSource })`. */
export async function createDataSource(options?: DataSourceOptions): Promise<DataSource> {
  if (!options) throw new Error('createDataSource: databaseOptions(config) are missing');
  return new ShopDataSource(options);
}

/**
 * TypeORM's DataSource with additions. On a server: prepared statements, bounded waits and deadlock retry. On SQLite:
 * one transaction at a time. On both: migrations that never run twice at once.
 */
export class ShopDataSource extends DataSource {
  /** Set only for a server. */
  private readonly connections?: MysqlConnections;

  constructor(options: DataSourceOptions) {
    super(options);
    const { driver } = this;
    if (driver instanceof BetterSqlite3Driver) {
      const mutex = new Mutex();
      driver.createQueryRunner = () => new SerializedSqliteRunner(driver, mutex);
    } else if (driver instanceof MysqlDriver) {
      const connections = new MysqlConnections(driver, options.maxQueryExecutionTime);
      driver.createQueryRunner = (mode) => new PreparingMysqlRunner(driver, mode, connections);
      this.connections = connections;
    }
  }

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    return new DeadlockRetryingManager(this, queryRunner);
  }

  /**
   * Runs one statement on a lease, without a query runner and an entity manager: it costs little more than the driver's
   * own call.
   */
  override async query<T = unknown>(sql: string, parameters?: unknown[], runner?: QueryRunner): Promise<T> {
    if (runner || !this.connections || !this.isInitialized) return super.query<T>(sql, parameters, runner);
    const lease = this.connections.lease();
    try {
      return (await lease.run(sql, parameters)) as T;
    } finally {
      lease.end();
    }
  }

  override async initialize(): Promise<this> {
    try {
      return await super.initialize();
    } catch (error) {
      if (!this.connections) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new OperatorError(`DATABASE_URL: cannot connect to the database (${code ?? message})`, {
        cause: error,
      });
    }
  }

  override async destroy(): Promise<void> {
    this.connections?.close();
    await super.destroy();
  }

  override async runMigrations(
    ...args: Parameters<DataSource['runMigrations']>
  ): ReturnType<DataSource['runMigrations']> {
    return withMigrationLock(this, () => super.runMigrations(...args));
  }

  override async undoLastMigration(...args: Parameters<DataSource['undoLastMigration']>): Promise<void> {
    await withMigrationLock(this, () => super.undoLastMigration(...args));
  }
}
