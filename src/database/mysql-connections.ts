import { setTimeout } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { ConnectionOptions, Pool, PoolConnection } from 'mysql2';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { isDatabaseAway, isLocked, isNotPrimary } from './database-away.js';
import { databaseErrors, type ConnectionUsage, watchUsage } from './database-metrics.js';
import { ConnectionLease } from './connection-lease.js';
import { prepareSession } from './mysql-session.js';

/** Milliseconds between two looks at the leases: so much later than its time limit may a lease end. */
const SWEEP_MS = 50;
/** Milliseconds in which a server that is there answers a new connection. */
const PROBE_MS = 500;
/** Milliseconds between two replacements of all connections, while the server goes on being the wrong one. */
const REPLACE_EVERY_MS = 1000;
/** Milliseconds between two log lines about the same error code. */
const LOG_EVERY_MS = 10_000;

type Taken = (error: Error | null, connection?: PoolConnection) => void;

interface Known {
  /** Counted up when all connections have to be replaced. */
  readonly generation: number;
  leased: boolean;
}

/**
 * The connections of one data source: prepares new ones, replaces all of them after a failover, and bounds how long
 * anybody holds or waits for one.
 *
 * mysql2's pool does not do that: its `getConnection` waits without limit (sidorares/node-mysql2#673, a fix is in
 * #4498), its query timeout leaves the late answer to the next user of the connection (#185), and it keeps the other
 * connections to a server that has become read-only.
 */
export class MysqlConnections {
  private readonly logger = new Logger('Database');
  private readonly known = new Map<PoolConnection, Known>();
  /** In the order in which they end: all have the same time limit. */
  private readonly leases = new Set<ConnectionLease>();
  private readonly lastLogged = new Map<string, number>();
  private generation = 0;
  private replacedAt = -Infinity;
  private sweeper?: NodeJS.Timeout;
  /** Whether the server answers at all; there while nobody knows. */
  private verdict?: Promise<boolean>;
  private closed = false;
  private readonly unwatch = watchUsage(() => this.usage);

  /** @param timeLimit milliseconds that a lease lasts at most; undefined: without limit, for migrations */
  constructor(
    private readonly driver: MysqlDriver,
    private readonly timeLimit: number | undefined,
  ) {}

  /** How many connections are in use, idle, and waited for. */
  get usage(): ConnectionUsage {
    const used = [...this.known.values()].filter(({ leased }) => leased).length;
    const waiting = [...this.leases].filter((lease) => lease.isWaiting).length;
    return { used, idle: this.known.size - used, waiting };
  }

  /** For one statement, or for one transaction. Whoever takes it ends it. */
  lease(): ConnectionLease {
    const lease = new ConnectionLease(this);
    if (this.timeLimit !== undefined) {
      lease.expiresAt = performance.now() + this.timeLimit;
      this.leases.add(lease);
      this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    }
    return lease;
  }

  /** Calls back with a connection in the state that our statements rely on. No promises: every statement comes by here. */
  take(done: Taken): void {
    if (this.verdict) void this.takeIfItAnswers(done, this.verdict);
    else this.fromPool(done);
  }

  giveBack(connection: PoolConnection): void {
    const known = this.known.get(connection);
    if (known?.generation !== this.generation) return this.cut(connection);
    known.leased = false;
    connection.release();
  }

  /** Removes a connection from the pool and hangs up, without waiting for a server that may never answer. */
  cut(connection: PoolConnection): void {
    this.known.delete(connection);
    connection.destroy();
    (connection as PoolConnection & { stream: { destroy(): void } }).stream.destroy();
  }

  ended(lease: ConnectionLease): void {
    this.leases.delete(lease);
  }

  /** Looks at what the server or the network said: names it in the log, and replaces all connections where need be. */
  note(error: Error): void {
    if (!isDatabaseAway(error)) return;
    const { code = error.message } = error as NodeJS.ErrnoException;
    databaseErrors.inc({ code });
    if (isLocked(error)) return;
    const now = performance.now();
    const replaced = isNotPrimary(error);
    if (replaced && now - this.replacedAt > REPLACE_EVERY_MS) this.replaceAll();
    if (now - (this.lastLogged.get(code) ?? -Infinity) < LOG_EVERY_MS) return;
    this.lastLogged.set(code, now);
    this.logger.error('Database is unavailable', { code, ...(replaced && { connections: 'replaced' }) });
  }

  close(): void {
    this.closed = true;
    this.unwatch();
    clearInterval(this.sweeper);
  }

  /** Ends every idle connection now and every other one when it is given back, so that new ones find the new primary. */
  private replaceAll(): void {
    this.generation++;
    this.replacedAt = performance.now();
    for (const [connection, { leased }] of this.known) if (!leased) this.cut(connection);
  }

  private sweep(): void {
    const now = performance.now();
    for (const lease of this.leases) {
      if (lease.expiresAt > now) return;
      lease.expire(silent());
      this.verdict ??= this.probe();
    }
  }

  /**
   * Whether the server answers. Asked after something took too long: while a server is silent, nobody waits for it but
   * this probe, so that a request that needs several statements fails once and not once a statement.
   */
  private async probe(): Promise<boolean> {
    const answers = await this.answers();
    if (answers) this.verdict = undefined;
    else {
      this.replaceAll();
      void this.untilItAnswers();
    }
    return answers;
  }

  private async untilItAnswers(): Promise<void> {
    do await setTimeout(PROBE_MS, undefined, { ref: false });
    while (!this.closed && !(await this.answers()));
    this.verdict = undefined;
  }

  /** Outside of the pool, which may be full. A server that refuses us answers too. */
  private async answers(): Promise<boolean> {
    // Not at the top: the embedded mode does without mysql2.
    const { createConnection } = await import('mysql2');
    const { options } = this.driver;
    const connection = createConnection({
      ...(this.driver['createConnectionOptions'](options, options) as ConnectionOptions),
      connectTimeout: PROBE_MS,
    });
    try {
      return await new Promise<boolean>((resolve) => {
        connection.on('error', ({ errno = 0 }) => resolve(errno > 0));
        connection.connect((error) => resolve(!error || (error.errno ?? 0) > 0));
      });
    } finally {
      connection.destroy();
    }
  }

  private async takeIfItAnswers(done: Taken, verdict: Promise<boolean>): Promise<void> {
    if (await verdict) this.fromPool(done);
    else done(silent());
  }

  private fromPool(done: Taken): void {
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

  private async prepare(connection: PoolConnection, done: Taken): Promise<void> {
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
