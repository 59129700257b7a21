import type { PoolConnection, QueryError } from 'mysql2';
import { QueryFailedError } from 'typeorm';
import { redactValues } from './error-redaction.js';
import type { MysqlConnections } from './mysql-connections.js';

type Reject = (error: Error) => void;

/**
 * The use of one connection for one statement or one transaction. It lasts a limited time, from the first wait for a
 * connection to the last answer. When it expires, everything that waits on it fails and the connection is cut: a late
 * answer must never reach the connection's next user.
 */
export class ConnectionLease {
  /** By `performance.now()`. */
  expiresAt = Infinity;
  private connection?: PoolConnection;
  private connecting?: Promise<PoolConnection>;
  private readonly waiting = new Set<Reject>();
  private ended = false;
  /** Why the lease expired. */
  private fault?: Error;

  constructor(private readonly connections: MysqlConnections) {}

  get isWaiting(): boolean {
    return this.connecting !== undefined && this.connection === undefined;
  }

  connect(): Promise<PoolConnection> {
    if (this.ended) return Promise.reject(this.reason());
    this.connecting ??= new Promise((resolve, reject) => {
      this.waiting.add(reject);
      this.connections.take((error, connection) => {
        this.waiting.delete(reject);
        if (!connection) {
          this.connections.report(error!);
          reject(error!);
        } else if (this.ended) {
          this.connections.giveBack(connection);
          reject(this.reason());
        } else {
          this.connection = connection;
          resolve(connection);
        }
      });
    });
    return this.connecting;
  }

  /**
   * Runs one statement. Values are sent separately, in a prepared statement that the connection keeps. They are never
   * part of its text, whatever the server's sql_mode and charset. A statement without values is not prepared.
   * @throws QueryFailedError without the statement and its values
   */
  async run(sql: string, values?: unknown[]): Promise<unknown> {
    if (this.ended) throw this.reason();
    const connection = this.connection ?? (await this.connect());
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      const settle = (error: QueryError | null, rows: unknown) => {
        this.waiting.delete(reject);
        if (error) return reject(this.failed(error, sql, values));
        this.connections.succeeded(sql);
        resolve(rows);
      };
      if (values && values.length > 0) connection.execute(sql, values as never[], settle);
      else connection.query(sql, settle);
    });
  }

  /** Fails everything that waits on this lease, and every later use of it. */
  expire(error: Error): void {
    this.end(true);
    this.fault = error;
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
  }

  /** @param broken the connection is in a state that its next user must not see */
  end(broken = false): void {
    this.connections.ended(this);
    this.ended = true;
    const { connection } = this;
    this.connection = undefined;
    if (!connection) return;
    if (broken) this.connections.cut(connection);
    else this.connections.giveBack(connection);
  }

  /** Created only when needed: an Error for every statement would cost more than the statement. */
  private reason(): Error {
    return this.fault ?? new Error('The connection has been given back');
  }

  private failed(error: QueryError, sql: string, values: unknown[] | undefined): Error {
    this.connections.report(error);
    return redactValues(new QueryFailedError(sql, values, error)) as Error;
  }
}
