import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';
import { OWNED_COMMENT, exactText, id, isOwned, text } from './columns.js';

/** The audit trail. Rows are only added. There is no foreign key, because the trail outlives the account. */
export class CreateAccountEvents1700000001000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const events = new Table({
      name: 'tb_account_event',
      engine: 'InnoDB',
      comment: OWNED_COMMENT,
      columns: [
        id(queryRunner, 'bigint'),
        { name: 'at', type: 'datetime', precision: 6 },
        { name: 'user_id', type: 'int', isNullable: true },
        exactText(queryRunner, 'event', 32),
        { ...exactText(queryRunner, 'via', 16), isNullable: true },
        { ...exactText(queryRunner, 'reason', 32), isNullable: true },
        { ...exactText(queryRunner, 'openid_hash', 64), isNullable: true },
        { ...exactText(queryRunner, 'ip', 45), isNullable: true },
        { ...text(queryRunner, 'user_agent', 256), isNullable: true },
        { ...exactText(queryRunner, 'request_id', 64), isNullable: true },
      ],
      indices: [
        { name: 'tb_account_event_user_id_id', columnNames: ['user_id', 'id'] },
        // Finds the last login of a QQ without reading the account's other events.
        { name: 'tb_account_event_user_id_openid_hash', columnNames: ['user_id', 'openid_hash', 'id'] },
        { name: 'tb_account_event_at', columnNames: ['at'] },
      ],
    });
    await queryRunner.createTable(events, true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    if (await isOwned(queryRunner, 'tb_account_event')) await queryRunner.dropTable('tb_account_event');
  }
}
