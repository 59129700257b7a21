import * as fc from 'fast-check';
import { QueryFailedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { violatedUnique } from './unique-violation.js';

const failure = (code: string, message: string) =>
  new QueryFailedError('INSERT …', [], Object.assign(new Error(message), { code }));
const mysql = (entry: string, key: string) =>
  failure('ER_DUP_ENTRY', `Duplicate entry '${entry}' for key '${key}'`);
const sqlite = (column: string) => failure('SQLITE_CONSTRAINT_UNIQUE', `UNIQUE constraint failed: ${column}`);

const KEYS = {
  'tb_users.username': 'username',
  username: 'username',
  'tb_users.mobile': 'mobile',
  mobile: 'mobile',
  tb_users_mobile_0a1b2c3d_uniq: 'mobile',
  'tb_oauth_qq.tb_oauth_qq_openid_uniq': 'openid',
  tb_oauth_qq_openid_uniq: 'openid',
  openid: 'openid',
  tb_users_mobile_uniq: 'mobile',
  tb_users_username_uniq: 'username',
  tb_oauth_qq_openid_0a1b2c3d_uniq: 'openid',
  'tb_oauth_qq.tb_oauth_qq_unionid_uniq': 'unionid',
  tb_oauth_qq_unionid_uniq: 'unionid',
} as const;

describe('violatedUnique', () => {
  it.each(Object.entries(KEYS))('violatedUnique reads %s as %s', (key, field) => {
    expect(violatedUnique(mysql('x', key))).toBe(field);
  });

  it.each([
    ['tb_users.username', 'username'],
    ['tb_users.mobile', 'mobile'],
    ['tb_oauth_qq.openid', 'openid'],
    ['tb_oauth_qq.unionid', 'unionid'],
  ])('violatedUnique reads %s of SQLite as %s', (column, field) => {
    expect(violatedUnique(sqlite(column))).toBe(field);
  });

  it('violatedUnique names no field for another key, another error or a value that is not an error', () => {
    for (const error of [
      mysql('7', 'PRIMARY'),
      mysql('7', 'tb_users.PRIMARY'),
      mysql('a', 'tb_addresses.mobile_2'),
      sqlite('tb_addresses.openid'),
      sqlite('tb_users.id'),
      failure('ER_BAD_FIELD_ERROR', "Duplicate entry 'x' for key 'username'"),
      new Error("Duplicate entry 'x' for key 'username'"),
      undefined,
    ])
      expect(violatedUnique(error)).toBeUndefined();
  });

  const hostile = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom("'", "' for key '", ...Object.keys(KEYS), '\n', 'for key', "'.", '%s', '$&'),
    ),
  );

  it('violatedUnique reads the key, whatever the entry contains', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(...Object.entries(KEYS)), (pieces, [key, field]) => {
        expect(violatedUnique(mysql(pieces.join(''), key))).toBe(field);
        expect(violatedUnique(mysql(pieces.join(''), 'PRIMARY'))).toBeUndefined();
      }),
    );
  });

  it('violatedUnique is fast for an entry of any length', () => {
    const start = performance.now();
    violatedUnique(mysql("' for key '".repeat(20_000), 'PRIMARY'));
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
