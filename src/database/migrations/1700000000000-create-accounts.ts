import { type MigrationInterface, type QueryRunner, Table, TableColumn, TableIndex } from 'typeorm';
import { OWNED_COMMENT, exactText, id, isOwned, isSqlite, text } from './columns.js';
import { describeTable, hasUnique, inspectTables } from './existing-tables.js';

const OPENID_UNIQUE = 'tb_oauth_qq_openid_uniq';
const UNIONID_UNIQUE = 'tb_oauth_qq_unionid_uniq';
/** The number of duplicates listed in the message. Below the list stands the query for all of them. */
const LISTED = 100;

/** Every row that shares its openid with another row. */
export const duplicateOpenids =
  'SELECT b.id, b.user_id, b.openid FROM tb_oauth_qq b' +
  ' JOIN (SELECT openid FROM tb_oauth_qq GROUP BY openid HAVING COUNT(*) > 1) twice ON twice.openid = b.openid';

interface Binding {
  id: number;
  user_id: number;
  openid: string;
}

/**
 * The shop's two tables. A missing table is created as Django creates it. An existing table is only added to, after its
 * engine, types and unique indexes have been checked. MySQL cannot roll back a change of a table, so each step checks
 * whether it has been done, and an interrupted run can be repeated.
 */
export class CreateAccounts1700000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // Both check before anything is changed.
    if (!isSqlite(queryRunner)) await this.refuseUnfitTables(queryRunner);
    await this.refuseDuplicates(queryRunner);

    await queryRunner.createTable(this.users(queryRunner), true);
    if (!isSqlite(queryRunner)) await this.addUserIndexes(queryRunner);
    await queryRunner.createTable(await this.bindings(queryRunner), true);

    const bindings = await queryRunner.getTable('tb_oauth_qq');
    const has = (index: string) => bindings?.indices.some(({ name }) => name === index);
    if (!has(OPENID_UNIQUE)) await queryRunner.createIndex('tb_oauth_qq', unique(OPENID_UNIQUE, 'openid'));
    if (!bindings?.findColumnByName('unionid'))
      await queryRunner.addColumn('tb_oauth_qq', new TableColumn(this.unionid(queryRunner)));
    if (!has(UNIONID_UNIQUE)) await queryRunner.createIndex('tb_oauth_qq', unique(UNIONID_UNIQUE, 'unionid'));
  }

  /** Reverts what `up` added. Django's tables stay, and so do columns that existed before. */
  async down(queryRunner: QueryRunner): Promise<void> {
    if (await isOwned(queryRunner, 'tb_oauth_qq')) {
      await queryRunner.dropTable('tb_oauth_qq');
    } else {
      const bindings = await queryRunner.getTable('tb_oauth_qq');
      const has = (index: string) => bindings?.indices.some(({ name }) => name === index);
      if (has(UNIONID_UNIQUE)) await queryRunner.dropIndex('tb_oauth_qq', UNIONID_UNIQUE);
      if (bindings?.findColumnByName('unionid')?.comment === OWNED_COMMENT)
        await queryRunner.dropColumn('tb_oauth_qq', 'unionid');
      if (has(OPENID_UNIQUE)) await queryRunner.dropIndex('tb_oauth_qq', OPENID_UNIQUE);
    }
    if (await isOwned(queryRunner, 'tb_users')) {
      await queryRunner.dropTable('tb_users');
    } else {
      const users = await queryRunner.getTable('tb_users');
      for (const column of ['username', 'mobile']) {
        const name = `tb_users_${column}_uniq`;
        if (users?.indices.some((index) => index.name === name))
          await queryRunner.dropIndex('tb_users', name);
      }
    }
  }

  private async refuseUnfitTables(queryRunner: QueryRunner): Promise<void> {
    const blocking = (await inspectTables(queryRunner)).filter((finding) => finding.blocking);
    if (blocking.length === 0) return;
    throw new Error(
      [
        'Nothing was changed: these stand in the way.',
        ...blocking.flatMap(({ sentence, sql }) => [`  ${sentence}`, ...(sql ? [`    ${sql};`] : [])]),
      ].join('\n'),
    );
  }

  /** An old shop's table may lack these indexes. Its rows were checked before. */
  private async addUserIndexes(queryRunner: QueryRunner): Promise<void> {
    const users = await describeTable(queryRunner, 'tb_users');
    for (const column of ['username', 'mobile'])
      if (users && !hasUnique(users, column))
        await queryRunner.createIndex('tb_users', unique(`tb_users_${column}_uniq`, column));
  }

  /** The message shows whole openids, because the operator needs them to find the rows. */
  private async refuseDuplicates(queryRunner: QueryRunner): Promise<void> {
    if (!(await queryRunner.hasTable('tb_oauth_qq'))) return;
    const rows: Binding[] = await queryRunner.query(`${duplicateOpenids} ORDER BY b.openid, b.id`);
    if (rows.length === 0) return;
    const list = rows
      .slice(0, LISTED)
      .map((row) => `  openid ${row.openid}  tb_oauth_qq.id ${row.id}  user_id ${row.user_id}`);
    if (rows.length > LISTED) list.push(`  … and ${rows.length - LISTED} more rows`);
    throw new Error(
      [
        'Nothing was changed: tb_oauth_qq holds the same openid more than once, and one QQ can have one account only.',
        ...list,
        'Of rows with one user_id keep any one. Where the user_ids differ, find out whose QQ it is and keep that row.',
        'DELETE FROM tb_oauth_qq WHERE id IN (…the others…), then run the migration again. All of them are found by:',
        `  ${duplicateOpenids}`,
      ].join('\n'),
    );
  }

  private users(queryRunner: QueryRunner): Table {
    return new Table({
      name: 'tb_users',
      engine: 'InnoDB',
      comment: OWNED_COMMENT,
      columns: [
        id(queryRunner, 'int'),
        text(queryRunner, 'password', 128),
        { name: 'last_login', type: 'datetime', precision: 6, isNullable: true },
        { name: 'is_superuser', type: 'boolean' },
        text(queryRunner, 'username', 150),
        text(queryRunner, 'first_name', 30),
        text(queryRunner, 'last_name', 30),
        text(queryRunner, 'email', 254),
        { name: 'is_staff', type: 'boolean' },
        { name: 'is_active', type: 'boolean' },
        { name: 'date_joined', type: 'datetime', precision: 6 },
        text(queryRunner, 'mobile', 11),
        { name: 'email_active', type: 'boolean' },
        { name: 'default_address_id', type: 'int', isNullable: true },
      ],
      indices: [unique('username', 'username'), unique('mobile', 'mobile')],
    });
  }

  private async bindings(queryRunner: QueryRunner): Promise<Table> {
    return new Table({
      name: 'tb_oauth_qq',
      engine: 'InnoDB',
      comment: OWNED_COMMENT,
      columns: [
        id(queryRunner, 'int'),
        { name: 'create_time', type: 'datetime', precision: 6 },
        { name: 'update_time', type: 'datetime', precision: 6 },
        text(queryRunner, 'openid', 64),
        { name: 'user_id', ...(await this.userIdType(queryRunner)) },
        this.unionid(queryRunner),
      ],
      indices: [
        { name: 'tb_oauth_qq_369db21a', columnNames: ['openid'] },
        { name: 'tb_oauth_qq_user_id', columnNames: ['user_id'] },
        unique(OPENID_UNIQUE, 'openid'),
        unique(UNIONID_UNIQUE, 'unionid'),
      ],
      foreignKeys: [
        {
          name: 'tb_oauth_qq_user_id_fk_tb_users_id',
          columnNames: ['user_id'],
          referencedTableName: 'tb_users',
          referencedColumnNames: ['id'],
        },
      ],
    });
  }

  /** A foreign key needs exactly the type of the key it refers to. A shop may have made it unsigned or bigint. */
  private async userIdType(queryRunner: QueryRunner): Promise<{ type: string; unsigned?: boolean }> {
    const users = await queryRunner.getTable('tb_users');
    const key = users?.findColumnByName('id');
    if (isSqlite(queryRunner) || !key) return { type: 'int' };
    return { type: key.type, unsigned: key.unsigned };
  }

  /** Compared byte by byte, as QQ sends it. */
  private unionid(queryRunner: QueryRunner) {
    return { ...exactText(queryRunner, 'unionid', 64), isNullable: true, comment: OWNED_COMMENT };
  }
}

function unique(name: string, column: string): TableIndex {
  return new TableIndex({ name, columnNames: [column], isUnique: true });
}
