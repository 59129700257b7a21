import { QueryFailedError } from 'typeorm';

export type UniqueField = 'username' | 'mobile' | 'openid' | 'unionid';

/**
 * By index, as Django (which adds eight hex digits where it altered a table) and our migration name them. SQLite
 * names the column, which is read as if the index were called after it.
 */
const INDEXES: [RegExp, UniqueField][] = [
  [/^(tb_users_)?username(_[0-9a-f]{8}_uniq)?$/, 'username'],
  [/^(tb_users_)?mobile(_[0-9a-f]{8}_uniq)?$/, 'mobile'],
  [/^tb_oauth_qq_openid(_[0-9a-f]{8})?(_uniq)?$/, 'openid'],
  [/^tb_oauth_qq_unionid(_[0-9a-f]{8})?(_uniq)?$/, 'unionid'],
];

/**
 * Which unique index refused the row; undefined for every other error. It is read from the driver's sentence:
 *
 * - MySQL: `Duplicate entry '…' for key 'tb_users.username'`; MariaDB leaves the table out
 * - SQLite: `UNIQUE constraint failed: tb_users.username`
 *
 * The entry is what somebody typed, quotes and all, and MySQL escapes nothing; so only the last `for key`
 * counts, to the very end of the sentence. Nothing typed can stand behind it.
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
