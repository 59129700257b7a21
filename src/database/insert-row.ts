import type { EntityManager } from 'typeorm';

/**
 * Inserts one row by a hand-written statement. TypeORM's `insert` builds its statement anew each time, which costs as
 * much as running it.
 * @returns the row's id
 */
export async function insertRow(manager: EntityManager, sql: string, values: unknown[]): Promise<number> {
  // The drivers' own answers: mysql2 gives an object, TypeORM's SQLite runner the id.
  const answer = await manager.query<{ readonly insertId: number } | number | bigint>(sql, values);
  return typeof answer === 'object' ? answer.insertId : Number(answer);
}

/** A time in UTC as MySQL and TypeORM's SQLite driver both write it. */
export function sqlTime(time: Date): string {
  return time.toISOString().slice(0, 23).replace('T', ' ');
}
