import type { QueryRunner } from 'typeorm';

/** A fact about an existing table, with a statement to inspect or repair it. */
export interface Finding {
  /** Whether it breaks a promise of the service. The migration then stops. */
  readonly blocking: boolean;
  readonly sentence: string;
  readonly sql?: string;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly length: number | null;
  readonly nullable: 'YES' | 'NO';
  readonly fallback: string | null;
  readonly extra: string;
  readonly charset: string | null;
}

interface Index {
  readonly name: string;
  readonly columns: string;
  readonly isUnique: number;
}

export interface ExistingTable {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly indexes: readonly Index[];
}

type Kind = 'text' | 'number' | 'flag' | 'time';

/** For every column that the service writes: its kind, the characters it must hold, and whether we write NULL. */
interface Rule {
  readonly kind: Kind;
  readonly length?: number;
  readonly nullable?: true;
  /** Our migrations add this column. */
  readonly added?: true;
}
type Rules = Readonly<Record<string, Rule>>;

const USERS: Rules = {
  id: { kind: 'number' },
  password: { kind: 'text', length: 128 },
  last_login: { kind: 'time', nullable: true },
  is_superuser: { kind: 'flag' },
  username: { kind: 'text', length: 20 },
  first_name: { kind: 'text' },
  last_name: { kind: 'text' },
  email: { kind: 'text' },
  is_staff: { kind: 'flag' },
  is_active: { kind: 'flag' },
  date_joined: { kind: 'time' },
  mobile: { kind: 'text', length: 11 },
  email_active: { kind: 'flag' },
  default_address_id: { kind: 'number', nullable: true },
};

const BINDINGS: Rules = {
  id: { kind: 'number' },
  create_time: { kind: 'time' },
  update_time: { kind: 'time' },
  openid: { kind: 'text', length: 32 },
  user_id: { kind: 'number' },
  unionid: { kind: 'text', length: 64, nullable: true, added: true },
  qq_unionid: { kind: 'text', length: 64, nullable: true, added: true },
  nickname: { kind: 'text', length: 64, nullable: true, added: true },
};

const TYPES: Readonly<Record<Kind, readonly string[]>> = {
  text: ['varchar', 'char'],
  number: ['int', 'bigint', 'mediumint'],
  flag: ['tinyint', 'smallint', 'int', 'bit'],
  time: ['datetime', 'timestamp'],
};

const UNIQUE: Readonly<Record<string, readonly string[]>> = {
  tb_users: ['username', 'mobile'],
  tb_oauth_qq: ['openid', 'unionid'],
};

/** The table as the server describes it; undefined if it does not exist. MySQL and MariaDB only. */
export async function describeTable(runner: QueryRunner, name: string): Promise<ExistingTable | undefined> {
  const columns = await select<Column>(
    runner,
    `SELECT column_name AS name, data_type AS type, character_maximum_length AS length, is_nullable AS nullable,
            column_default AS fallback, extra AS extra, character_set_name AS charset
     FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?`,
    name,
  );
  if (columns.length === 0) return undefined;
  const indexes = await select<Index>(
    runner,
    `SELECT index_name AS name, GROUP_CONCAT(CONCAT(column_name, IFNULL(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index) AS columns,
            MIN(1 - non_unique) AS isUnique
     FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? GROUP BY index_name`,
    name,
  );
  return { name, columns, indexes };
}

/** Whether a unique index covers this column alone. */
export function hasUnique({ indexes }: ExistingTable, column: string): boolean {
  return indexes.some(({ columns, isUnique }) => columns === column && isUnique === 1);
}

/** Inspects the shop's tables and changes nothing. An empty database has no findings. MySQL and MariaDB only. */
export async function inspectTables(runner: QueryRunner): Promise<Finding[]> {
  const findings: Finding[] = [];
  const users = await describeTable(runner, 'tb_users');
  if (users) {
    findings.push(...(await inspectTable(runner, users, USERS)));
    const charset = users.columns.find(({ name }) => name === 'username')?.charset;
    if (charset && !charset.startsWith('utf8'))
      findings.push({
        blocking: true,
        sentence: `tb_users.username is ${charset}, which cannot be compared with every name that people type`,
        sql: 'ALTER TABLE tb_users MODIFY username varchar(150) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL',
      });
  }
  const bindings = await describeTable(runner, 'tb_oauth_qq');
  if (bindings) findings.push(...(await inspectTable(runner, bindings, BINDINGS)));
  const events = await describeTable(runner, 'tb_account_event');
  if (events && !events.columns.some(({ name }) => name === 'openid_hash'))
    findings.push({
      blocking: true,
      sentence: 'tb_account_event exists and is not the table of this service',
      sql: 'SHOW CREATE TABLE tb_account_event',
    });
  return findings;
}

async function inspectTable(runner: QueryRunner, table: ExistingTable, rules: Rules): Promise<Finding[]> {
  const kind = await inspectKind(runner, table.name);
  if (kind.some(({ blocking }) => blocking)) return kind;
  const columns = [
    ...Object.entries(rules).flatMap(([name, rule]) => inspectColumn(table, name, rule)),
    ...inspectUnknownColumns(table, rules),
  ];
  const uniques = await Promise.all(
    (UNIQUE[table.name] ?? []).map((column) => inspectUnique(runner, table, column)),
  );
  return [...kind, ...columns, ...uniques.flat()];
}

/** Finds a view, MyISAM (where ROLLBACK does nothing), partitions (which a unique index cannot span) and triggers. */
async function inspectKind(runner: QueryRunner, table: string): Promise<Finding[]> {
  const [found] = await select<{ type: string; engine: string | null; options: string | null }>(
    runner,
    `SELECT table_type AS type, engine AS engine, create_options AS options
     FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`,
    table,
  );
  const look = `SHOW CREATE TABLE ${table}`;
  if (found?.type.includes('VIEW'))
    return [{ blocking: true, sentence: `${table} is a view; the service needs the table`, sql: look }];
  const findings: Finding[] = [];
  if (found?.engine !== 'InnoDB')
    findings.push({
      blocking: true,
      sentence: `${table} is ${found?.engine ?? 'of no engine'}, which cannot undo a transaction`,
      sql: `ALTER TABLE ${table} ENGINE = InnoDB`,
    });
  if (/partitioned/i.test(found?.options ?? ''))
    findings.push({
      blocking: true,
      sentence: `${table} is partitioned, so no index can keep a value unique in all of it`,
      sql: look,
    });
  const triggers = await select<{ name: string }>(
    runner,
    `SELECT trigger_name AS name FROM information_schema.triggers
     WHERE event_object_schema = DATABASE() AND event_object_table = ?`,
    table,
  );
  if (triggers.length > 0)
    findings.push({
      blocking: false,
      sentence: `${table} has triggers, which run for our rows too: ${triggers.map(({ name }) => name).join(', ')}`,
      sql: `SHOW TRIGGERS WHERE \`Table\` = '${table}'`,
    });
  return findings;
}

function inspectColumn(
  table: ExistingTable,
  name: string,
  { kind, length = 0, nullable, added }: Rule,
): Finding[] {
  const column = table.columns.find((one) => one.name.toLowerCase() === name);
  const where = `${table.name}.${name}`;
  const finding = (sentence: string): Finding[] => [
    { blocking: true, sentence: `${where} ${sentence}`, sql: `SHOW CREATE TABLE ${table.name}` },
  ];
  if (!column) return added ? [] : finding('is missing');
  if (/generated/i.test(column.extra) && !/default_generated/i.test(column.extra))
    return finding('is a generated column; the service writes it');
  if (!TYPES[kind].includes(column.type))
    return finding(`is ${column.type}, not ${TYPES[kind].join(' or ')}`);
  if (column.length !== null && column.length < length)
    return finding(`takes ${column.length} characters; the service writes up to ${length}`);
  if (nullable && column.nullable === 'NO') return finding('is NOT NULL; the service writes NULL');
  if (name === 'id' && !/auto_increment/i.test(column.extra)) return finding('is not AUTO_INCREMENT');
  return [];
}

/** Finds columns of the shop's own, which our INSERTs do not fill. */
function inspectUnknownColumns(table: ExistingTable, rules: Rules): Finding[] {
  return table.columns
    .filter(
      ({ name, nullable, fallback, extra }) =>
        !(name.toLowerCase() in rules) &&
        nullable === 'NO' &&
        fallback === null &&
        !/auto_increment|generated/i.test(extra),
    )
    .map(({ name, type }) => ({
      blocking: true,
      sentence: `${table.name}.${name} (${type}) is NOT NULL without a default, so no row of the service can be written. Give it the default that fits`,
      sql: withDefault(`ALTER TABLE ${table.name} ALTER COLUMN \`${name}\` SET DEFAULT`, type, table.name),
    }));
}

/** The statement with the plainest default of the type; for other types one to look at the column. */
function withDefault(statement: string, type: string, table: string): string {
  if (/^(?:\w*int|decimal|float|double|bit)\b/i.test(type)) return `${statement} 0`;
  if (/^(?:var)?char\b/i.test(type)) return `${statement} ''`;
  return `SHOW CREATE TABLE ${table}`;
}

/** Checks for a unique index named after the column, or for rows that allow one to be added. */
async function inspectUnique(runner: QueryRunner, table: ExistingTable, column: string): Promise<Finding[]> {
  if (!table.columns.some(({ name }) => name === column)) return [];
  const existing = table.indexes.filter(({ columns, isUnique }) => columns === column && isUnique === 1);
  const known = new RegExp(`^(${table.name}_)?${column}(_[0-9a-f]{8})?(_uniq)?$`);
  const strange = existing.find(({ name }) => name !== 'PRIMARY' && !known.test(name));
  if (strange)
    return [
      {
        blocking: true,
        sentence: `the unique index on ${table.name}.${column} is called ${strange.name}; its errors are recognised by the column's name`,
        sql: `ALTER TABLE ${table.name} RENAME INDEX \`${strange.name}\` TO \`${column}\``,
      },
    ];
  if (existing.length > 0 || column === 'openid') return [];
  const twice = `SELECT ${column}, COUNT(*) AS times FROM ${table.name} WHERE ${column} IS NOT NULL GROUP BY ${column} HAVING COUNT(*) > 1`;
  const rows = await select<object>(runner, `${twice} LIMIT 1`);
  return rows.length === 0
    ? []
    : [{ blocking: true, sentence: `${table.name} holds the same ${column} more than once`, sql: twice }];
}

async function select<T>(runner: QueryRunner, sql: string, ...values: unknown[]): Promise<T[]> {
  return (await runner.query(sql, values)) as T[];
}
