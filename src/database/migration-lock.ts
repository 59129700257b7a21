import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';

/** Seconds to wait for another migration. Adding an index to a large table takes minutes. */
const WAIT_S = 600;

/**
 * Runs the work while no other process migrates this database: several replicas may start their migration at once. The
 * lock belongs to a connection of its own, so it ends with this process, even if that is killed. The embedded database
 * has only one process and needs no lock.
 * @throws Error when another migration still runs after ten minutes
 */
export async function withMigrationLock<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  if (dataSource.options.type !== 'mysql') return work();
  const name = lockName(dataSource.options.database ?? '');
  const runner = dataSource.createQueryRunner();
  try {
    // In steps of one second, because a statement may not outlast its time limit.
    for (let left = WAIT_S; !(await tryLock()); left--)
      if (left <= 0)
        throw new Error('Nothing was changed: another migration of this database is still running');
    try {
      return await work();
    } finally {
      await runner.query('SELECT RELEASE_LOCK(?)', [name]);
    }
  } finally {
    await runner.release();
  }

  async function tryLock(): Promise<boolean> {
    const [row] = (await runner.query('SELECT GET_LOCK(?, 1) AS taken', [name])) as {
      taken: number | null;
    }[];
    return Number(row?.taken) === 1;
  }
}

/** Lock names are shared by the whole server, and MySQL allows 64 characters. */
function lockName(database: string): string {
  return `qq-account-service migrations ${createHash('sha256').update(database).digest('hex').slice(0, 32)}`;
}
