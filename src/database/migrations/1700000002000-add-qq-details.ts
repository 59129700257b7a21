import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, dropColumns, exactText, text } from './columns.js';

const QQ_UNIONID_INDEX = 'tb_oauth_qq_qq_unionid';

/**
 * Adds details of the QQ to each binding, and of the event to the trail. All columns are nullable, so that Django's
 * INSERTs and the previous version of this service keep working.
 *
 * `qq_unionid` is on every row of a QQ (one row per app id). `unionid` is unique and on one of these rows: its index
 * decides which of two simultaneous binds of one QQ wins.
 */
export class AddQqDetails1700000002000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumns(queryRunner, 'tb_oauth_qq', [
      text(queryRunner, 'nickname', 64),
      exactText(queryRunner, 'qq_unionid', 64),
    ]);
    await addColumns(queryRunner, 'tb_account_event', [text(queryRunner, 'detail', 64)]);

    const bindings = await queryRunner.getTable('tb_oauth_qq');
    if (!bindings?.indices.some(({ name }) => name === QQ_UNIONID_INDEX))
      await queryRunner.query(`CREATE INDEX ${QQ_UNIONID_INDEX} ON tb_oauth_qq (qq_unionid)`);
    await queryRunner.query(
      'UPDATE tb_oauth_qq SET qq_unionid = unionid WHERE qq_unionid IS NULL AND unionid IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const bindings = await queryRunner.getTable('tb_oauth_qq');
    if (bindings?.indices.some(({ name }) => name === QQ_UNIONID_INDEX))
      await queryRunner.dropIndex('tb_oauth_qq', QQ_UNIONID_INDEX);
    await dropColumns(queryRunner, 'tb_oauth_qq', ['nickname', 'qq_unionid']);
    await dropColumns(queryRunner, 'tb_account_event', ['detail']);
  }
}
