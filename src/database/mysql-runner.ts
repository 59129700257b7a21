import type { PoolConnection } from 'mysql2';
import { MysqlQueryRunner } from 'typeorm/driver/mysql/MysqlQueryRunner.js';
import { withoutValues } from './without-values.js';

/** For a new connection, the server's greeting included; and for a free one of the pool. */
export const CONNECT_TIMEOUT_MS = 3000;
export const QUERY_TIMEOUT_MS = 5000;
/** Shorter than the query timeout, so that the server gives up first and the connection stays good. */
const LOCK_WAIT_S = 3;

/**
 * Said once on each connection. `lock_wait_timeout` is for the migrations: an ALTER that waits behind a long
 * transaction makes every later statement on that table wait behind the ALTER. Strict, because an old server's
 * lax mode would cut what is too long and store it.
 */
const SESSION = `SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_S}, lock_wait_timeout = ${LOCK_WAIT_S}, sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')`;

/** What both runners say of it: anything. */
type Answer = ReturnType<MysqlQueryRunner['query']>;

/** Connections that have been told SESSION. */
const greeted = new WeakSet<PoolConnection>();

/**
 * mysql2 bounds how many wait for a connection but not how long, and after its query timeout it leaves the answer
 * to come in on a connection that goes back to the pool. Here the wait is bounded too, and such a connection is cut.
 */
export class BoundedMysqlRunner extends MysqlQueryRunner {
  private connecting?: Promise<PoolConnection>;

  override connect(): Promise<PoolConnection> {
    this.connecting ??= this.obtain();
    return this.connecting;
  }

  override async query(sql: string, parameters?: unknown[], structured = false): Answer {
    try {
      return await super.query(sql, parameters, structured);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'PROTOCOL_SEQUENCE_TIMEOUT') cut(await this.connect());
      throw withoutValues(error);
    }
  }

  private async obtain(): Promise<PoolConnection> {
    const arriving: Promise<PoolConnection> = super.connect();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      const late = new Error('No database connection became free in time');
      timer = setTimeout(() => reject(Object.assign(late, { code: 'ETIMEDOUT' })), CONNECT_TIMEOUT_MS);
    });
    try {
      const connection = await Promise.race([arriving, deadline]);
      if (!greeted.has(connection)) await this.greet(connection);
      return connection;
    } catch (error) {
      // One that comes after its runner was given back belongs to the pool.
      arriving.then(
        (connection) => this.isReleased && connection.release(),
        () => undefined, // already thrown, or overtaken by the deadline
      );
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private async greet(connection: PoolConnection): Promise<void> {
    try {
      await connection.promise().query({ sql: SESSION, timeout: QUERY_TIMEOUT_MS });
      greeted.add(connection);
    } catch (error) {
      cut(connection);
      throw error;
    }
  }
}

/** Leaves the pool and hangs up, without waiting for a server that may never answer. */
function cut(connection: PoolConnection): void {
  connection.destroy();
  (connection as PoolConnection & { stream: { destroy(): void } }).stream.destroy();
}
