import { describe, expect, it } from 'vitest';
import { isDatabaseAway, isLocked, isNotPrimary } from './database-away.js';

const failure = (code: string | undefined, message = 'said the server', errno?: number) =>
  Object.assign(new Error(message), { code, errno });

describe('isDatabaseAway', () => {
  it.each([
    ['ER_OPTION_PREVENTS_STATEMENT', 'The MariaDB server is running with the --read-only option'],
    ['ER_OPTION_PREVENTS_STATEMENT', 'The MySQL server is running with the --super-read-only option'],
    ['ER_READ_ONLY_MODE', 'Running in read-only mode'],
    ['ER_OPEN_AS_READONLY', "Table 'tb_users' is read only"],
    ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', 'Cannot execute statement in a READ ONLY transaction'],
    ['ER_UNKNOWN_COM_ERROR', 'WSREP has not yet prepared node for application use'],
    ['ER_RUN_HOOK_ERROR', "Error on observer while running replication hook 'before_commit'"],
    ['ER_SERVER_SHUTDOWN', 'Server shutdown in progress'],
    ['ER_SERVER_OFFLINE_MODE', 'The server is currently in offline mode'],
    ['ER_RECORD_FILE_FULL', "The table 'tb_users' is full"],
    ['ER_DISK_FULL', 'Disk full (/tmp/#sql); waiting for someone to free some space'],
    ['ER_GET_ERRNO', 'Got error 28 "No space left on device" from storage engine InnoDB'],
    ['ER_ERROR_DURING_COMMIT', 'Got error 28 "No space left on device" during COMMIT'],
  ])('%s (%s): the database is away, and another server has to be found', (code, message) => {
    const error = failure(code, message);
    expect([isDatabaseAway(error), isNotPrimary(error), isLocked(error)]).toEqual([true, true, false]);
  });

  it("MariaDB's error numbers without a name in mysql2 are recognized", () => {
    expect(isNotPrimary(failure(undefined, 'Connection was killed', 1927))).toBe(true);
    expect(isDatabaseAway(failure(undefined, 'max_statement_time exceeded', 1969))).toBe(true);
  });

  it.each([
    'ECONNABORTED',
    'ER_NET_READ_INTERRUPTED',
    'ER_NET_ERROR_ON_WRITE',
    'ER_NET_WRITE_INTERRUPTED',
    'ER_CLIENT_INTERACTION_TIMEOUT',
    'ER_OUTOFMEMORY',
    'ER_LOCK_TABLE_FULL',
    'ER_CON_COUNT_ERROR',
    'ER_TOO_MANY_USER_CONNECTIONS',
    'ER_ABORTING_CONNECTION',
    'ER_NEW_ABORTING_CONNECTION',
    'ER_NET_READ_ERROR',
    'ER_MAX_PREPARED_STMT_COUNT_REACHED',
    'PROTOCOL_CONNECTION_LOST',
    'ECONNREFUSED',
    'ETIMEDOUT',
  ])('%s: the database is away, and the open connections stay', (code) => {
    expect([isDatabaseAway(failure(code)), isNotPrimary(failure(code))]).toEqual([true, false]);
  });

  it.each(['ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_DEADLOCK', 'SQLITE_BUSY'])('%s: only a lock', (code) => {
    const error = failure(code);
    expect([isDatabaseAway(error), isNotPrimary(error), isLocked(error)]).toEqual([true, false, true]);
  });

  it.each(['ER_DUP_ENTRY', 'ER_BAD_FIELD_ERROR', 'ER_PARSE_ERROR', 'ER_NO_SUCH_TABLE', 'ER_DATA_TOO_LONG'])(
    '%s: not the state of the database',
    (code) => {
      expect([isDatabaseAway(failure(code)), isNotPrimary(failure(code))]).toEqual([false, false]);
    },
  );

  it('an error whose message quotes such words is not recognized', () => {
    expect(isDatabaseAway(failure('ER_DUP_ENTRY', "Duplicate entry 'No space left on device'"))).toBe(false);
    expect(isDatabaseAway('ECONNREFUSED')).toBe(false);
  });
});
