import { type QueryRunner, TableColumn, type TableColumnOptions } from 'typeorm';

/** The comment on every table and column that these migrations create. They drop only what has it. */
export const OWNED_COMMENT = 'made by qq-account-service';

export function isSqlite(queryRunner: QueryRunner): boolean {
  return queryRunner.dataSource.options.type === 'better-sqlite3';
}

/** An auto-increment key, as `int` or `bigint`. SQLite auto-increments only its own `integer`, which has 64 bits. */
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
 * Text in any language that is compared case-insensitively, as the shop's MySQL does. The collation is set on each
 * column, because a database's default may differ. MySQL and MariaDB both have this one.
 */
export function text(queryRunner: QueryRunner, name: string, length: number): TableColumnOptions {
  const type = { name, type: 'varchar', length: String(length) };
  if (isSqlite(queryRunner)) return { ...type, collation: 'NOCASE' };
  return { ...type, charset: 'utf8mb4', collation: 'utf8mb4_unicode_ci' };
}

/** ASCII that is compared byte by byte. */
export function exactText(queryRunner: QueryRunner, name: string, length: number): TableColumnOptions {
  const type = { name, type: 'varchar', length: String(length) };
  if (isSqlite(queryRunner)) return type;
  return { ...type, charset: 'ascii', collation: 'ascii_bin' };
}

/** Whether the table exists and these migrations created it. SQLite has no comments, but its file is only ours. */
export async function isOwned(queryRunner: QueryRunner, table: string): Promise<boolean> {
  const found = await queryRunner.getTable(table);
  return found !== undefined && (isSqlite(queryRunner) || found.comment === OWNED_COMMENT);
}

/** Adds the nullable columns that are missing. */
export async function addColumns(
  queryRunner: QueryRunner,
  table: string,
  columns: readonly TableColumnOptions[],
): Promise<void> {
  const existing = await queryRunner.getTable(table);
  for (const column of columns) {
    if (existing?.findColumnByName(column.name)) continue;
    // TypeORM copies the whole SQLite table to add a column, and the copy loses its AUTOINCREMENT counter.
    if (isSqlite(queryRunner))
      await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN ${sqliteColumn(column)}`);
    else
      await queryRunner.addColumn(
        table,
        new TableColumn({ ...column, isNullable: true, comment: OWNED_COMMENT }),
      );
  }
}

/** Drops those of the columns that these migrations created. */
export async function dropColumns(
  queryRunner: QueryRunner,
  table: string,
  names: readonly string[],
): Promise<void> {
  const existing = await queryRunner.getTable(table);
  for (const name of names) {
    const column = existing?.findColumnByName(name);
    if (!column) continue;
    if (isSqlite(queryRunner)) await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN ${name}`);
    else if (column.comment === OWNED_COMMENT) await queryRunner.dropColumn(table, name);
  }
}

function sqliteColumn({ name, type, length, precision, collation }: TableColumnOptions): string {
  const size = length ?? precision;
  return `${name} ${type}${size ? `(${size})` : ''}${collation ? ` COLLATE ${collation}` : ''}`;
}
