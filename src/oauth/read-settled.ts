import type { DataSource } from 'typeorm';

/**
 * What `sql` selects after every transaction that has written one of the rows has ended. An uncommitted insert is
 * waited for, at most as long as for a row lock; then its row is returned if it was committed. One statement outside
 * any transaction, so the lock is released at once.
 *
 * Not TypeORM's `pessimistic_read`: it needs a transaction, uses `FOR SHARE`, which MariaDB does not know, and throws
 * on SQLite. On SQLite, a read outside a transaction waits for the running one anyway.
 */
export async function readSettled<Row>(
  dataSource: DataSource,
  sql: string,
  parameters: string[],
): Promise<Row[]> {
  const lock = dataSource.options.type === 'mysql' ? ' LOCK IN SHARE MODE' : '';
  return dataSource.query<Row[]>(sql + lock, parameters);
}
