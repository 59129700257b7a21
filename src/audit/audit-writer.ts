import { Injectable, Logger, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { DataSource, QueryFailedError } from 'typeorm';
import { Config } from '../config/config.js';
import { isDatabaseAway } from '../database/database-away.js';
import { AuditEvent, AuditRow, AuditRows, insertRows, rowsPerStatement } from './audit-event.js';

/** Milliseconds between two writes. */
const WRITE_EVERY = 500;
/** Rows kept in memory while the database is away. Beyond this number the oldest is dropped and counted. */
const MOST_PENDING = 20_000;
/** Milliseconds that a stopping service waits for the last write. */
const LAST_WRITE_MS = 3000;
/** Milliseconds between two log lines about a database that is away. */
const REPORT_EVERY = 10_000;

const backlog = new Gauge({
  name: 'qq_account_audit_backlog_rows',
  help: 'Audit rows waiting to be written',
});
const lost = new Counter({
  name: 'qq_account_audit_lost_rows_total',
  help: 'Audit rows dropped: no room while the database was away, or refused by the table',
});

/** Writes events that change nothing (a login, a refusal) after the answer, many in one statement. */
@Injectable()
export class AuditWriter implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(AuditWriter.name);
  private readonly rows: AuditRows;
  private pending: AuditRow[] = [];
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lostRows = 0;
  private reportedAt = 0;

  constructor(
    private readonly dataSource: DataSource,
    config: Config,
  ) {
    this.rows = new AuditRows(config);
  }

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), WRITE_EVERY).unref();
  }

  /** Runs after the last request, while the database is still connected. Waits at most LAST_WRITE_MS. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WRITE_MS);
    });
    await Promise.race([this.flush(), deadline]);
    clearTimeout(timer);
    if (this.pending.length > 0)
      this.logger.error('Audit rows lost at shutdown', { rows: this.pending.length });
  }

  /** Keeps an event in memory until the next write. Costs the request no statement. */
  recordLater(event: AuditEvent): void {
    this.pending.push(this.rows.of(event));
    if (this.pending.length > MOST_PENDING) {
      this.pending.shift();
      this.lose(1);
    }
    backlog.set(this.pending.length);
  }

  /** Writes the pending rows. Rows that cannot be written now stay pending. Only one write runs at a time. */
  async flush(): Promise<void> {
    this.writing ??= this.writePending().finally(() => {
      this.writing = undefined;
    });
    await this.writing;
  }

  private async writePending(): Promise<void> {
    while (this.pending.length > 0) {
      const waiting = await this.write(this.pending.splice(0, rowsPerStatement(this.pending.length)));
      this.pending.unshift(...waiting);
      backlog.set(this.pending.length);
      if (waiting.length > 0) return;
    }
  }

  /**
   * Writes rows and returns those that have to wait. When the table refuses one row, the batch is halved until that row
   * is found; only that row is dropped.
   */
  private async write(rows: AuditRow[]): Promise<AuditRow[]> {
    try {
      await insertRows(this.dataSource.manager, rows);
      return [];
    } catch (error) {
      if (!isRowRefused(error)) {
        this.report(error);
        return rows;
      }
      if (rows.length === 1) {
        this.lose(1);
        this.logger.error('Audit row refused by the table', { event: rows[0]?.[2], cause: codeOf(error) });
        return [];
      }
      const middle = rows.length >> 1;
      const waiting = await this.write(rows.slice(0, middle));
      if (waiting.length > 0) return [...waiting, ...rows.slice(middle)];
      return this.write(rows.slice(middle));
    }
  }

  private lose(rows: number): void {
    this.lostRows += rows;
    lost.inc(rows);
  }

  private report(error: unknown): void {
    if (Date.now() - this.reportedAt < REPORT_EVERY) return;
    this.reportedAt = Date.now();
    const { length: rows } = this.pending;
    this.logger.error('Audit trail not written, kept for later', {
      rows,
      lost: this.lostRows,
      cause: codeOf(error),
    });
  }
}

/**
 * Whether the table refuses one of the rows. SQLSTATE class 42 (a missing table or privilege) concerns all rows, so
 * they wait.
 */
function isRowRefused(error: unknown): boolean {
  if (!(error instanceof QueryFailedError) || isDatabaseAway(error)) return false;
  const { code, sqlState } = error.driverError as { code?: string; sqlState?: string };
  return code !== 'SQLITE_ERROR' && !sqlState?.startsWith('42');
}

function codeOf(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return code ?? name;
}
