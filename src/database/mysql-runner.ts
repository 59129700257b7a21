import type { PoolConnection } from 'mysql2';
import { QueryFailedError, QueryResult, QueryRunnerAlreadyReleasedError } from 'typeorm';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { MysqlQueryRunner } from 'typeorm/driver/mysql/MysqlQueryRunner.js';
import type { ReplicationMode } from 'typeorm/driver/types/ReplicationMode.js';
import { framesIn } from '../common/describe-error.js';
import { ConnectionLease } from './connection-lease.js';
import type { MysqlConnections } from './mysql-connections.js';

type Rows = ReturnType<MysqlQueryRunner['query']>;

/**
 * TypeORM's runner for MySQL, with prepared statements and leased connections. TypeORM itself calls mysql2's `query`,
 * which inserts values into the statement's text, and it offers no `execute`. TypeORM's query subscribers and query
 * logger are not called: both would see values.
 */
export class PreparingMysqlRunner extends MysqlQueryRunner {
  private lease?: ConnectionLease;

  constructor(
    driver: MysqlDriver,
    mode: ReplicationMode,
    private readonly connections: MysqlConnections,
  ) {
    super(driver, mode);
  }

  override connect(): Promise<PoolConnection> {
    return this.leased().connect();
  }

  override async query(sql: string, parameters?: unknown[], structured = false): Rows {
    try {
      const rows = (await this.leased().run(sql, parameters)) as Awaited<Rows>;
      return structured ? structuredResult(rows) : rows;
    } catch (error) {
      throw error instanceof QueryFailedError ? withCallers(error) : error;
    }
  }

  override async release(): Promise<void> {
    this.isReleased = true;
    // The connection's next user must not get an open transaction.
    this.lease?.end(this.isTransactionActive);
  }

  private leased(): ConnectionLease {
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    this.lease ??= this.connections.lease();
    return this.lease;
  }
}

/** The driver creates its error when the answer arrives, so its stack lacks the caller. */
function withCallers(error: QueryFailedError): QueryFailedError {
  error.stack = [error.stack, framesIn(new Error().stack)].join('\n');
  return error;
}

function structuredResult(rows: unknown): QueryResult {
  const result = new QueryResult();
  result.raw = rows;
  if (Array.isArray(rows)) result.records = [...(rows as unknown[])];
  else result.affected = (rows as { affectedRows?: number }).affectedRows;
  return result;
}
