import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Problem } from '../common/problem.js';
import { ServiceError } from '../common/service-error.js';
import { isDatabaseAway } from './database-away.js';
import { MIGRATIONS_TABLE } from './database-options.js';

/** Whether the database allows this instance to get requests. */
@Injectable()
export class DatabaseReadiness {
  private readonly logger = new Logger('Database');
  /** The check that runs now. All callers share it, because the route is public. */
  private running?: Promise<string | undefined>;
  private lastReason?: string;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Resolves when a write would succeed and the database has every migration that this version expects. Newer
   * migrations are allowed: the old version keeps working during an upgrade. Each change of the result is logged once.
   * At most two statements.
   * @throws Problem UNAVAILABLE, with the reason as its cause
   */
  async check(): Promise<void> {
    this.running ??= this.reason().finally(() => (this.running = undefined));
    const reason = await this.running;
    if (reason !== undefined) throw new Problem('UNAVAILABLE', { cause: new ServiceError(reason) });
  }

  private async reason(): Promise<string | undefined> {
    const reason = await this.find();
    if (reason !== this.lastReason) {
      if (reason === undefined) this.logger.log('Database is ready again');
      else this.logger.error('Database is not ready', { reason });
    }
    this.lastReason = reason;
    return reason;
  }

  private async find(): Promise<string | undefined> {
    try {
      // Changes no row, but fails whenever a write would: read-only servers, missing privileges, locked tables.
      await this.dataSource.query(`UPDATE ${MIGRATIONS_TABLE} SET id = id WHERE id = 0`);
      const rows = await this.dataSource.query<{ name: string }[]>(`SELECT name FROM ${MIGRATIONS_TABLE}`);
      const missing = this.dataSource.migrations.filter(
        ({ constructor, name = constructor.name }) => !rows.some((row) => row.name === name),
      );
      return missing.length > 0 ? NOT_MIGRATED : undefined;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ER_NO_SUCH_TABLE') return NOT_MIGRATED;
      if (isDatabaseAway(error)) return `a write fails (${code || (error as Error).message})`;
      if (code.startsWith('ER_') && code.includes('DENIED'))
        return `the database user may not write (${code})`;
      throw error;
    }
  }
}

const NOT_MIGRATED = 'it is not migrated to what this version expects: run `npm run db:migrate`';
