import { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';
import type { IsolationLevel } from 'typeorm/driver/types/IsolationLevel.js';
import { redactValues } from './error-redaction.js';

/** Seconds that a statement waits for the previous transaction. */
const WAIT_S = 3;

/** First come, first served. A caller that has waited WAIT_S gets SQLITE_BUSY. */
export class Mutex {
  private locked = false;
  private readonly waiting: (() => void)[] = [];

  async lock(): Promise<void> {
    if (!this.locked) {
      this.locked = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const proceed = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(proceed), 1);
        reject(Object.assign(new Error('Another transaction is still open'), { code: 'SQLITE_BUSY' }));
      }, WAIT_S * 1000);
      this.waiting.push(proceed);
    });
  }

  unlock(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.locked = false;
  }
}

/**
 * TypeORM gives all callers one query runner on SQLite's single connection: simultaneous transactions would nest, and
 * callers would read uncommitted rows. Here each caller has its own runner, which holds the mutex for one statement or
 * for one transaction. No other statement runs inside a transaction, and only committed rows are read.
 */
export class SerializedSqliteRunner extends BetterSqlite3QueryRunner {
  private holdsMutex = false;

  constructor(
    driver: BetterSqlite3Driver,
    private readonly mutex: Mutex,
  ) {
    super(driver);
  }

  override async query(
    sql: string,
    parameters?: unknown[],
    structured?: boolean,
  ): ReturnType<BetterSqlite3QueryRunner['query']> {
    const single = !this.holdsMutex;
    if (single) await this.mutex.lock();
    try {
      return await super.query(sql, parameters, structured);
    } catch (error) {
      throw redactValues(error);
    } finally {
      if (single) this.mutex.unlock();
    }
  }

  override async startTransaction(isolation?: IsolationLevel): Promise<void> {
    if (this.holdsMutex) return super.startTransaction(isolation);
    await this.mutex.lock();
    this.holdsMutex = true;
    try {
      await super.startTransaction(isolation);
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  override async commitTransaction(): Promise<void> {
    // A failed COMMIT leaves the transaction open. Its rollback unlocks the mutex.
    await super.commitTransaction();
    if (!this.isTransactionActive) this.letGo();
  }

  override async rollbackTransaction(): Promise<void> {
    const outermost = this.transactionDepth <= 1;
    try {
      await super.rollbackTransaction();
    } finally {
      // Also after a failed ROLLBACK: SQLite has rolled back by itself then.
      if (outermost) this.letGo();
    }
  }

  override async release(): Promise<void> {
    if (this.isReleased) return;
    if (this.holdsMutex) await this.rollbackTransaction();
    await super.release();
    this.isReleased = true;
  }

  private letGo(): void {
    if (!this.holdsMutex) return;
    this.holdsMutex = false;
    this.mutex.unlock();
  }
}
