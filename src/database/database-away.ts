/** The server can be reached but is not, or no longer, the one that takes writes: read-only, leaving, or without its cluster. */
const NOT_PRIMARY = new Set([
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
  // Disk full: a write fails here, and succeeds on the server that takes over.
  'ER_BINLOG_LOGGING_IMPOSSIBLE',
  'ER_DISK_FULL',
  'ER_ERROR_ON_WRITE',
  'ER_RECORD_FILE_FULL',
]);

/** Somebody else holds the lock: it is there, and the caller may try again. */
const LOCKED = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'SQLITE_BUSY']);

/** It cannot be reached, does not answer, or has no room for us. */
const AWAY = new Set([
  ...NOT_PRIMARY,
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

/** Errors of mysql2 that have no code. */
const AWAY_MESSAGES = new Set([
  'Queue limit reached.',
  'Pool is closed.',
  "Can't add new command when connection is in closed state",
]);

/** The storage engine's own words inside an otherwise general error (ER_GET_ERRNO, ER_ERROR_DURING_COMMIT): no space left. */
const DISK_FULL = /\bNo space left on device\b|\berror:? 28\b|\bDisk full\b/i;

/** Whether the database is unavailable for the moment (the caller may try again), as opposed to a fault of ours. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return (code !== undefined && AWAY.has(code)) || AWAY_MESSAGES.has(error.message) || isDiskFull(error);
}

/** Whether the answer says that another server has to be found: every open connection leads to the wrong one. */
export function isNotPrimary(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return (code !== undefined && NOT_PRIMARY.has(code)) || isDiskFull(error);
}

/** Whether another transaction was in the way, which says nothing about the server. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && LOCKED.has(codeOf(error) ?? '');
}

/** Errors that mysql2 has no name for. */
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
  const { code } = error as NodeJS.ErrnoException;
  return (code === 'ER_GET_ERRNO' || code === 'ER_ERROR_DURING_COMMIT') && DISK_FULL.test(error.message);
}
