import { QueryFailedError } from 'typeorm';

export type UniqueField = 'username' | 'mobile' | 'openid' | 'unionid';

/**
 * By the index's name: the column's, alone as MySQL calls an inline UNIQUE, or behind the table's, with the eight hex
 * digits and the `uniq` of Django and of our migrations. db:check refuses unique indexes of other names. SQLite names
 * the column, which is read as if the index were called after it.
 */
const INDEXES: [RegExp, UniqueField][] = [
  [/^(tb_users_)?username(_[0-9a-f]{8})?(_uniq)?$/, 'username'],
  [/^(tb_users_)?mobile(_[0-9a-f]{8})?(_uniq)?$/, 'mobile'],
  [/^(tb_oauth_qq_)?openid(_[0-9a-f]{8})?(_uniq)?$/, 'openid'],
  [/^(tb_oauth_qq_)?unionid(_[0-9a-f]{8})?(_uniq)?$/, 'unionid'],
];

/**
 * Which unique index refused the row; undefined for every other error. It is read from the driver's sentence:
 *
 * - MySQL: `Duplicate entry '…' for key 'tb_users.username'`; MariaDB leaves the table out
 * - SQLite: `UNIQUE constraint failed: tb_users.username`
 *
 * The entry is what somebody typed, quotes included, and MySQL does not escape it. So only the last `for key` counts, to
 * the very end of the sentence: nothing that was typed can come after it.
 */
export function violatedUnique(error: unknown): UniqueField | undefined {
  if (!(error instanceof QueryFailedError)) return undefined;
  const { code, message } = error.driverError as Error & { code?: string };
  if (code === 'ER_DUP_ENTRY') return fieldOf(/^.* for key '(?:[^'.]*\.)?([^'.]*)'$/s.exec(message)?.[1]);
  if (code === 'SQLITE_CONSTRAINT_UNIQUE')
    return fieldOf(message.replace(/^UNIQUE constraint failed: (tb_users|tb_oauth_qq)\./, '$1_'));
  return undefined;
}

function fieldOf(index = ''): UniqueField | undefined {
  return INDEXES.find(([pattern]) => pattern.test(index))?.[1];
}
