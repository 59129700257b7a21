import type { PoolConnection } from 'mysql2';

/**
 * Seconds that a statement waits for a row lock, or for a table that an ALTER locks. Shorter than a statement's time
 * limit, so that the server gives up first and the connection stays usable.
 */
const LOCK_WAIT_S = 2;

/**
 * Every session setting that changes the meaning of our statements, as an absolute value. Neither the server's defaults
 * nor its `init_connect` (which runs earlier) matter. None needs a privilege, on MySQL and on MariaDB.
 */
const SETTINGS = {
  // Strict: a text that is too long is refused, not cut. Excludes NO_BACKSLASH_ESCAPES, ANSI_QUOTES,
  // EMPTY_STRING_IS_NULL and every other mode that changes how a statement or a value is read.
  sql_mode: "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
  character_set_client: 'utf8mb4',
  character_set_results: 'utf8mb4',
  collation_connection: 'utf8mb4_unicode_ci',
  // unique-violation.ts reads the index name from the English message.
  lc_messages: "'en_US'",
  time_zone: "'+00:00'",
  autocommit: 1,
  completion_type: "'NO_CHAIN'",
  default_storage_engine: "'InnoDB'",
  foreign_key_checks: 1,
  unique_checks: 1,
  sql_auto_is_null: 0,
  sql_safe_updates: 0,
  sql_big_selects: 1,
  sql_select_limit: '18446744073709551615',
  innodb_lock_wait_timeout: LOCK_WAIT_S,
  lock_wait_timeout: LOCK_WAIT_S,
};

const SET_SESSION = `SET SESSION ${Object.entries(SETTINGS)
  .map(([name, value]) => `${name} = ${value}`)
  .join(', ')}`;

/** This statement is the same in all versions of MySQL and MariaDB; the name of its variable is not. */
const SET_TRANSACTION = 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE';

/** Sets the session state that all statements of the service rely on. */
export async function prepareSession(connection: PoolConnection, database: string): Promise<void> {
  const wire = connection.promise();
  await wire.query(SET_SESSION);
  await wire.query(SET_TRANSACTION);
  await wire.query(`USE \`${database.replaceAll('`', '``')}\``);
}
