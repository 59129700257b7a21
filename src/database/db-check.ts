import type { DataSource, QueryRunner } from 'typeorm';
import { duplicateOpenids } from './migrations/1700000000000-create-accounts.js';
import { describeTable, type Finding, hasUnique, inspectTables } from './migrations/existing-tables.js';

/** Columns that the service needs and that a shop's own table may not have. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  tb_users: [],
  tb_oauth_qq: ['unionid', 'nickname', 'qq_unionid'],
  tb_account_event: ['detail'],
};
const UNIQUE_INDEXES: Readonly<Record<string, readonly string[]>> = {
  tb_users: ['username', 'mobile'],
  tb_oauth_qq: ['openid', 'unionid'],
  tb_account_event: [],
};

/**
 * Reports what `npm run db:migrate` would do to this database, what prevents it, and which rows to look at. Reads only.
 */
export async function checkDatabase(dataSource: DataSource): Promise<{ report: string; blocked: boolean }> {
  if (dataSource.options.type !== 'mysql')
    return {
      report: 'The embedded database migrates itself. Set DATABASE_URL to check a server.',
      blocked: false,
    };
  const runner = dataSource.createQueryRunner();
  try {
    const findings = [...(await inspectTables(runner)), ...(await inspectRows(runner))];
    const blocking = findings.filter((finding) => finding.blocking);
    const others = findings.filter((finding) => !finding.blocking);
    const report = [
      ...section(
        'db:migrate would',
        (await plan(runner)).map((sentence) => ({ sentence })),
      ),
      ...section('In its way (it stops before it changes anything)', blocking),
      ...section('Not in its way, but look at it', others),
    ].join('\n');
    return { report, blocked: blocking.length > 0 };
  } finally {
    await runner.release();
  }
}

function section(title: string, lines: readonly Pick<Finding, 'sentence' | 'sql'>[]): string[] {
  if (lines.length === 0) return [`${title}: nothing.`];
  return [
    `${title}:`,
    ...lines.flatMap(({ sentence, sql }) => [`  ${sentence}`, ...(sql ? [`    ${sql};`] : [])]),
  ];
}

/** The changes that are still to be made. */
async function plan(runner: QueryRunner): Promise<string[]> {
  const changes: string[] = [];
  for (const [name, columns] of Object.entries(COLUMNS)) {
    const table = await describeTable(runner, name);
    if (!table) {
      changes.push(`create the table ${name}`);
      continue;
    }
    for (const column of columns)
      if (!table.columns.some((one) => one.name === column)) changes.push(`add the column ${name}.${column}`);
    for (const column of UNIQUE_INDEXES[name] ?? [])
      if (!hasUnique(table, column)) changes.push(`add a unique index on ${name}.${column}`);
  }
  return changes;
}

/** Rows that the old shop accepts and that this service does not. */
async function inspectRows(runner: QueryRunner): Promise<Finding[]> {
  const [users, bindings] = await Promise.all([
    describeTable(runner, 'tb_users'),
    describeTable(runner, 'tb_oauth_qq'),
  ]);
  const has = (table: typeof users, ...names: string[]) =>
    names.every((name) => table?.columns.some((column) => column.name === name));
  const rows: [boolean, boolean, string, string][] = [
    [
      has(bindings, 'id', 'user_id', 'openid'),
      true,
      'rows of tb_oauth_qq share an openid with another: one QQ can have one account only',
      duplicateOpenids,
    ],
    [
      has(users, 'id', 'mobile'),
      false,
      'accounts have a mobile that is none: they cannot log in, bind or recover by it',
      "SELECT id, username, mobile FROM tb_users WHERE mobile NOT REGEXP '^1[3-9][0-9]{9}$'",
    ],
    [
      has(users, 'id', 'username', 'mobile'),
      false,
      "accounts have a username that is another person's mobile: at the login, the mobile's owner is meant",
      'SELECT u.id, u.username, o.id AS owner_id FROM tb_users u JOIN tb_users o ON o.mobile = u.username AND o.id <> u.id',
    ],
    [
      has(users, 'id', 'username'),
      false,
      'accounts have a username with characters beyond A-Z a-z 0-9 _: they keep it, new ones cannot have one like it',
      "SELECT id, username FROM tb_users WHERE username NOT REGEXP '^[A-Za-z0-9_]{5,20}$'",
    ],
    [
      has(bindings, 'id', 'openid'),
      false,
      'rows of tb_oauth_qq have an openid that is none (32 upper-case hex digits): nobody can log in by them',
      "SELECT id, user_id, openid FROM tb_oauth_qq WHERE CAST(openid AS BINARY) NOT REGEXP '^[0-9A-F]{32}$'",
    ],
    [
      has(users, 'id') && has(bindings, 'id', 'user_id'),
      false,
      'rows of tb_oauth_qq belong to no account',
      'SELECT q.id, q.user_id, q.openid FROM tb_oauth_qq q LEFT JOIN tb_users u ON u.id = q.user_id WHERE u.id IS NULL',
    ],
  ];
  const findings: Finding[] = [];
  for (const [possible, blocking, sentence, sql] of rows) {
    if (!possible) continue;
    const [row] = (await runner.query(`SELECT COUNT(*) AS found FROM (${sql}) AS listed`)) as {
      found: number;
    }[];
    if (Number(row?.found) > 0) findings.push({ blocking, sentence: `${row?.found} ${sentence}`, sql });
  }
  return findings;
}
