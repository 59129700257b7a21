/** The server can be reached, but it takes no writes (any more): it is read-only, shutting down, or without its cluster. */
const READ_ONLY = new Set([
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
  'ER_CONNECTION_KILLED',
  'ER_NORMAL_SHUTDOWN',
  'ER_OPEN_AS_READONLY',
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_READ_ONLY_TRANSACTION',
  // MySQL group replication: this member has left its group or takes no writes.
  'ER_RUN_HOOK_ERROR',
  'ER_SERVER_OFFLINE_MODE',
  'ER_SERVER_SHUTDOWN',
  // Galera: "WSREP has not yet prepared node for application use".
  'ER_UNKNOWN_COM_ERROR',
]);

/** A write fails here and may succeed on the server that takes over. A smaller write may succeed here too. */
const DISK_FULL_CODES = new Set([
  'ER_BINLOG_LOGGING_IMPOSSIBLE',
  'ER_DISK_FULL',
  'ER_ERROR_ON_WRITE',
  'ER_RECORD_FILE_FULL',
]);

/** Another transaction holds the lock. The server is there, and the caller may try again. */
const LOCKED = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'SQLITE_BUSY']);

/** The server cannot be reached, does not answer, or has no resources for us. */
const AWAY = new Set([
  ...READ_ONLY,
  ...DISK_FULL_CODES,
  ...LOCKED,
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ER_ABORTING_CONNECTION',
  'ER_CANT_CREATE_THREAD',
  'ER_CLIENT_INTERACTION_TIMEOUT',
  'ER_CON_COUNT_ERROR',
  'ER_HOST_IS_BLOCKED',
  'ER_LOCK_TABLE_FULL',
  'ER_MAX_PREPARED_STMT_COUNT_REACHED',
  'ER_NET_ERROR_ON_WRITE',
  'ER_NET_READ_ERROR',
  'ER_NET_READ_INTERRUPTED',
  'ER_NET_WRITE_INTERRUPTED',
  'ER_NEW_ABORTING_CONNECTION',
  'ER_OUTOFMEMORY',
  'ER_OUT_OF_RESOURCES',
  'ER_OUT_OF_SORTMEMORY',
  'ER_QUERY_INTERRUPTED',
  'ER_QUERY_TIMEOUT',
  'ER_SERVER_ISNT_AVAILABLE',
  'ER_STATEMENT_TIMEOUT',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  'ER_USER_LIMIT_REACHED',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'SQLITE_FULL',
  'SQLITE_READONLY',
]);

/** Errors of mysql2 without a code. */
const AWAY_MESSAGES = new Set([
  'Queue limit reached.',
  'Pool is closed.',
  "Can't add new command when connection is in closed state",
]);

/** What the storage engine says inside a general error (ER_GET_ERRNO, ER_ERROR_DURING_COMMIT) when no space is left. */
const DISK_FULL = /\bNo space left on device\b|\berror:? 28\b|\bDisk full\b/i;

/** Whether the database is unavailable for now (the caller may try again), as opposed to a bug of the service. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return (code !== undefined && AWAY.has(code)) || AWAY_MESSAGES.has(error.message) || isDiskFull(error);
}

/** Whether every open connection leads to the wrong server, so that the new primary has to be found. */
export function isNotPrimary(error: unknown): boolean {
  return isReadOnly(error) || (error instanceof Error && isDiskFull(error));
}

/** Whether the server takes no writes at all, so that a write that succeeds has reached another server. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof Error && READ_ONLY.has(codeOf(error) ?? '');
}

/** Whether another transaction was in the way. It says nothing about the server. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && LOCKED.has(codeOf(error) ?? '');
}

/** Errors that mysql2 does not name. */
const NAMES: Readonly<Record<number, string>> = {
  // MariaDB's
  1927: 'ER_CONNECTION_KILLED',
  1969: 'ER_STATEMENT_TIMEOUT',
};

function codeOf(error: Error): string | undefined {
  const { code, errno } = error as NodeJS.ErrnoException;
  return code ?? (errno === undefined ? undefined : NAMES[errno]);
}

function isDiskFull(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (DISK_FULL_CODES.has(code)) return true;
  return (code === 'ER_GET_ERRNO' || code === 'ER_ERROR_DURING_COMMIT') && DISK_FULL.test(error.message);
}
