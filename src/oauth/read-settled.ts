import type { DataSource } from 'typeorm';

/**
 * What `sql` selects once every transaction that has written one of those rows has ended: a row whose insert is not
 * committed yet is waited for, at most as long as for a row lock, and then read if it was committed and not there
 * if it was rolled back. One statement, outside any transaction, so the lock goes as it comes.
 *
 * Not TypeORM's `pessimistic_read`: it asks for a transaction, says `FOR SHARE` to MariaDB, which does not know it,
 * and throws on SQLite, where whoever reads outside a transaction waits for it to end anyway.
 */
export async function readSettled<Row>(
  dataSource: DataSource,
  sql: string,
  parameters: string[],
): Promise<Row[]> {
  const lock = dataSource.options.type === 'mysql' ? ' LOCK IN SHARE MODE' : '';
  return dataSource.query<Row[]>(sql + lock, parameters);
}
