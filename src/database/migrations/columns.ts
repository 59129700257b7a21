import type { QueryRunner, TableColumnOptions } from 'typeorm';

/** The comment on what these migrations made, and the leave to drop it again: nothing without it is ever dropped. */
export const MADE_HERE = 'made by qq-account-service';

function isSqlite(queryRunner: QueryRunner): boolean {
  return queryRunner.dataSource.options.type === 'better-sqlite3';
}

/** An auto-increment key, as `int` or `bigint`. SQLite counts only on its own `integer`, which has 64 bits. */
export function id(queryRunner: QueryRunner, type: 'int' | 'bigint'): TableColumnOptions {
  return {
    name: 'id',
    type: isSqlite(queryRunner) ? 'integer' : type,
    isPrimary: true,
    isGenerated: true,
    generationStrategy: 'increment',
  };
}

/**
 * Text of any language that compares without regard to case, as the shop's MySQL always did. Said on each column,
 * because a database's default may be something else; this collation is in MySQL and in MariaDB.
 */
export function text(queryRunner: QueryRunner, name: string, length: number): TableColumnOptions {
  const type = { name, type: 'varchar', length: String(length) };
  if (isSqlite(queryRunner)) return { ...type, collation: 'NOCASE' };
  return { ...type, charset: 'utf8mb4', collation: 'utf8mb4_unicode_ci' };
}

/** ASCII that compares byte by byte. */
export function exactText(queryRunner: QueryRunner, name: string, length: number): TableColumnOptions {
  const type = { name, type: 'varchar', length: String(length) };
  if (isSqlite(queryRunner)) return type;
  return { ...type, charset: 'ascii', collation: 'ascii_bin' };
}

/** Whether the table is there and these migrations made it. SQLite keeps no comments, but nobody else writes there. */
export async function isMadeHere(queryRunner: QueryRunner, table: string): Promise<boolean> {
  const found = await queryRunner.getTable(table);
  return found !== undefined && (isSqlite(queryRunner) || found.comment === MADE_HERE);
}
