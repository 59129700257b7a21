import { EntityManager, QueryFailedError } from 'typeorm';
import type { IsolationLevel } from 'typeorm/driver/types/IsolationLevel.js';

const TRIES = 3;

/**
 * Repeats a transaction that InnoDB rolled back to end a deadlock; three runs in all.
 *
 * Nothing happens twice. InnoDB rolled back the whole transaction, and the callback has no effect outside the database
 * before its last step, which spends the SMS code. A deadlock error thrown by the callback comes from a statement
 * before that step. A deadlock error of COMMIT (Galera answers 1213) comes after it, so it is thrown, and the caller
 * puts the code back.
 */
export class DeadlockRetryingManager extends EntityManager {
  override transaction<T>(run: (tx: EntityManager) => Promise<T>): Promise<T>;
  override transaction<T>(isolation: IsolationLevel, run: (tx: EntityManager) => Promise<T>): Promise<T>;
  override async transaction<T>(
    first: IsolationLevel | ((tx: EntityManager) => Promise<T>),
    second?: (tx: EntityManager) => Promise<T>,
  ): Promise<T> {
    // Recognized by type, not by the number of arguments: DataSource always passes two.
    const [isolation, run] = typeof first === 'function' ? [undefined, first] : [first, second!];
    for (let left = TRIES - 1; ; left--) {
      let errorFromInside: unknown;
      const observed = async (tx: EntityManager) => {
        try {
          return await run(tx);
        } catch (error) {
          errorFromInside = error;
          throw error;
        }
      };
      try {
        return await (isolation ? super.transaction(isolation, observed) : super.transaction(observed));
      } catch (error) {
        // InnoDB rolled back the outer transaction too, so only the outermost one is repeated.
        const again = left > 0 && !this.queryRunner && error === errorFromInside && isDeadlock(error);
        if (!again) throw error;
      }
    }
  }
}

function isDeadlock(error: unknown): boolean {
  return error instanceof QueryFailedError && (error as NodeJS.ErrnoException).code === 'ER_LOCK_DEADLOCK';
}
