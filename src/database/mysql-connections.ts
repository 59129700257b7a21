import { Logger } from '@nestjs/common';
import type { Pool, PoolConnection } from 'mysql2';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { isDatabaseAway, isLocked, isNotPrimary, isReadOnly } from './database-away.js';
import { databaseErrors, type ConnectionUsage, watchUsage } from './database-metrics.js';
import { ConnectionLease } from './connection-lease.js';
import { MysqlProbe } from './mysql-probe.js';
import { prepareSession } from './mysql-session.js';

/** Milliseconds between two checks of the leases. A lease may end that much later than its time limit. */
const SWEEP_MS = 50;
/** Milliseconds between two replacements of all connections, while they still lead to the wrong server. */
const REPLACE_EVERY_MS = 1000;
/** Milliseconds between two log lines about the same error code. */
const LOG_EVERY_MS = 10_000;
/** Statements that fail on a read-only server. */
const WRITE = /^\s*(?:insert|update|delete)\b/i;

type ConnectionCallback = (error: Error | null, connection?: PoolConnection) => void;

interface ConnectionState {
  /** The value of MysqlConnections.generation when the connection was made. */
  readonly generation: number;
  leased: boolean;
}

/**
 * The connections of one data source: prepares new ones, replaces all of them after a failover, and bounds how long a
 * caller holds or waits for one.
 *
 * mysql2's pool does not do that. Its `getConnection` waits without limit (sidorares/node-mysql2#673, a fix is in
 * #4498). Its query timeout leaves the late answer to the connection's next user (#185). It keeps connections to a
 * server that has become read-only.
 */
export class MysqlConnections {
  private readonly logger = new Logger('Database');
  private readonly known = new Map<PoolConnection, ConnectionState>();
  /** In the order in which they expire: all have the same time limit. */
  private readonly leases = new Set<ConnectionLease>();
  private readonly lastLogged = new Map<string, number>();
  private generation = 0;
  private replacedAt = -Infinity;
  /** A write has failed on a read-only server, and none has succeeded since. */
  private demoted = false;
  private sweeper?: NodeJS.Timeout;
  private readonly probe: MysqlProbe;
  private readonly unwatch = watchUsage(() => this.usage);

  /** @param timeLimit milliseconds that a lease lasts at most; undefined: without limit, for migrations */
  constructor(
    private readonly driver: MysqlDriver,
    private readonly timeLimit: number | undefined,
  ) {
    this.probe = new MysqlProbe(driver, () => this.replaceAll());
  }

  /** Connections in use, connections that are idle, and callers that wait for one. */
  get usage(): ConnectionUsage {
    const used = [...this.known.values()].filter(({ leased }) => leased).length;
    const waiting = [...this.leases].filter((lease) => lease.isWaiting).length;
    return { used, idle: this.known.size - used, waiting };
  }

  /** A lease for one statement or one transaction. The caller ends it. */
  lease(): ConnectionLease {
    const lease = new ConnectionLease(this);
    if (this.timeLimit === undefined) return lease;
    lease.expiresAt = performance.now() + this.timeLimit;
    this.leases.add(lease);
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    return lease;
  }

  /** Calls back with a connection whose session is set up. Not a promise, because every statement passes here. */
  take(done: ConnectionCallback): void {
    const { result } = this.probe;
    if (result) void this.takeIfItAnswers(done, result);
    else this.fromPool(done);
  }

  giveBack(connection: PoolConnection): void {
    const known = this.known.get(connection);
    if (known?.generation !== this.generation) return this.cut(connection);
    known.leased = false;
    connection.release();
  }

  /**
   * Removes a connection from the pool and closes its socket at once, without waiting for a server that may never
   * answer.
   */
  cut(connection: PoolConnection): void {
    this.known.delete(connection);
    connection.destroy();
    (connection as PoolConnection & { stream: { destroy(): void } }).stream.destroy();
  }

  ended(lease: ConnectionLease): void {
    this.leases.delete(lease);
  }

  /** Counts and logs an error of the connection, and replaces all connections if they lead to the wrong server. */
  report(error: Error): void {
    if (!isDatabaseAway(error)) return;
    const { code = error.message } = error as NodeJS.ErrnoException;
    databaseErrors.inc({ code });
    if (isLocked(error)) return;
    const now = performance.now();
    this.demoted ||= isReadOnly(error);
    const replaced = isNotPrimary(error);
    if (replaced && now - this.replacedAt > REPLACE_EVERY_MS) this.replaceAll();
    if (now - (this.lastLogged.get(code) ?? -Infinity) < LOG_EVERY_MS) return;
    this.lastLogged.set(code, now);
    this.logger.error('Database is unavailable', { code, ...(replaced && { connections: 'replaced' }) });
  }

  /**
   * Tells that a statement succeeded. The first write after a failover has reached the new primary. Connections that
   * were made before may still lead to the demoted server, which answers reads from old data, so all are replaced.
   */
  succeeded(sql: string): void {
    if (!this.demoted || !WRITE.test(sql)) return;
    this.demoted = false;
    this.replaceAll();
  }

  close(): void {
    this.probe.close();
    this.unwatch();
    clearInterval(this.sweeper);
  }

  /** Ends every idle connection now and every other one when it is given back. New connections find the new primary. */
  private replaceAll(): void {
    this.generation++;
    this.replacedAt = performance.now();
    for (const [connection, { leased }] of this.known) if (!leased) this.cut(connection);
  }

  private sweep(): void {
    const now = performance.now();
    for (const lease of this.leases) {
      if (lease.expiresAt > now) return;
      const error = silent();
      this.report(error);
      lease.expire(error);
      this.probe.start();
    }
  }

  private async takeIfItAnswers(done: ConnectionCallback, result: Promise<boolean>): Promise<void> {
    if (await result) this.fromPool(done);
    else done(silent());
  }

  private fromPool(done: ConnectionCallback): void {
    (this.driver.pool as Pool).getConnection((error, connection) => {
      if (error) return done(error);
      const known = this.known.get(connection);
      if (!known) {
        void this.prepare(connection, done);
      } else if (known.generation === this.generation) {
        known.leased = true;
        done(null, connection);
      } else {
        this.cut(connection);
        this.fromPool(done);
      }
    });
  }

  private async prepare(connection: PoolConnection, done: ConnectionCallback): Promise<void> {
    this.known.set(connection, { generation: this.generation, leased: true });
    // A connection may fail more than once, and an 'error' event without a listener ends the process.
    connection.on('error', () => this.known.delete(connection));
    connection.on('end', () => this.known.delete(connection));
    try {
      await prepareSession(connection, this.driver.options.database ?? '');
    } catch (error) {
      this.cut(connection);
      done(error as Error);
      return;
    }
    done(null, connection);
  }
}

function silent(): Error {
  return Object.assign(new Error('The database did not answer in time'), { code: 'ETIMEDOUT' });
}
