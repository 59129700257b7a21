import { QueryFailedError } from 'typeorm';

export type UniqueField = 'username' | 'mobile' | 'openid' | 'unionid';

/**
 * The index names we know: the column's name (an inline UNIQUE in MySQL), or the table's and the column's, with the
 * eight hex digits and the `uniq` that Django and our migrations append. db:check refuses unique indexes with other
 * names. SQLite reports the column, which is read as an index of that name.
 */
const INDEXES: [RegExp, UniqueField][] = [
  [/^(tb_users_)?username(_[0-9a-f]{8})?(_uniq)?$/, 'username'],
  [/^(tb_users_)?mobile(_[0-9a-f]{8})?(_uniq)?$/, 'mobile'],
  [/^(tb_oauth_qq_)?openid(_[0-9a-f]{8})?(_uniq)?$/, 'openid'],
  [/^(tb_oauth_qq_)?unionid(_[0-9a-f]{8})?(_uniq)?$/, 'unionid'],
];

/**
 * Which unique index refused the row; undefined for every other error. It is read from the driver's message:
 *
 * - MySQL: `Duplicate entry '…' for key 'tb_users.username'`; MariaDB omits the table
 * - SQLite: `UNIQUE constraint failed: tb_users.username`
 *
 * The entry is user input, may contain quotes, and MySQL does not escape it. So only the last `for key`, at the very
 * end of the message, is read: user input cannot come after it.
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
