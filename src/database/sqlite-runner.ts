import { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';
import type { IsolationLevel } from 'typeorm/driver/types/IsolationLevel.js';
import { withoutValues } from './without-values.js';

/** Seconds a statement waits for its turn. */
const WAIT_S = 3;

/** First come, first served; and nobody waits longer than for a row lock on a server. */
export class Turns {
  private taken = false;
  private readonly waiting: (() => void)[] = [];

  async take(): Promise<void> {
    if (!this.taken) {
      this.taken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        reject(Object.assign(new Error('Another transaction is still open'), { code: 'SQLITE_BUSY' }));
      }, WAIT_S * 1000);
      this.waiting.push(turn);
    });
  }

  pass(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken = false;
  }
}

/**
 * TypeORM gives everyone one query runner on SQLite's one connection, so that simultaneous transactions nest into
 * each other and everybody reads what is not committed. Here each has its own, and they take turns: a statement is
 * one turn, a transaction is one turn from BEGIN until it has ended. So nobody else's statement ever runs inside
 * a transaction, and what the others read is committed.
 */
export class TurnTakingRunner extends BetterSqlite3QueryRunner {
  private hasTurn = false;

  constructor(
    driver: BetterSqlite3Driver,
    private readonly turns: Turns,
  ) {
    super(driver);
  }

  override async query(
    sql: string,
    parameters?: unknown[],
    structured?: boolean,
  ): ReturnType<BetterSqlite3QueryRunner['query']> {
    const single = !this.hasTurn;
    if (single) await this.turns.take();
    try {
      return await super.query(sql, parameters, structured);
    } catch (error) {
      throw withoutValues(error);
    } finally {
      if (single) this.turns.pass();
    }
  }

  override async startTransaction(isolation?: IsolationLevel): Promise<void> {
    if (this.hasTurn) return super.startTransaction(isolation);
    await this.turns.take();
    this.hasTurn = true;
    try {
      await super.startTransaction(isolation);
    } catch (error) {
      this.endTurn();
      throw error;
    }
  }

  override async commitTransaction(): Promise<void> {
    // A COMMIT that fails leaves the transaction open; its rollback ends the turn.
    await super.commitTransaction();
    if (!this.isTransactionActive) this.endTurn();
  }

  override async rollbackTransaction(): Promise<void> {
    const outermost = this.transactionDepth <= 1;
    try {
      await super.rollbackTransaction();
    } finally {
      // Even when ROLLBACK fails: SQLite had rolled back by itself then.
      if (outermost) this.endTurn();
    }
  }

  override async release(): Promise<void> {
    if (this.isReleased) return;
    if (this.hasTurn) await this.rollbackTransaction();
    await super.release();
    this.isReleased = true;
  }

  private endTurn(): void {
    if (!this.hasTurn) return;
    this.hasTurn = false;
    this.turns.pass();
  }
}
