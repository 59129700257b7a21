/** What ioredis says, which has classes for few of its errors, when Redis cannot be reached or does not answer. */
const UNREACHABLE =
  /Command timed out|Socket timeout|Connection is closed|Stream isn't writeable|max retries per request|Command aborted|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|Failed to refresh slots|None of startup nodes|All sentinels are unreachable|ECONNRESET|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN/i;

/**
 * What a Redis says that is there and does not do what it is asked: it is a replica, is loading, has no replicas, no
 * memory, no disk, no room, or is not (any more) the one that should be asked. Redis 6 and older wrap the word when a
 * script meets it: `ERR Error running script (call to f_…): @user_script:2: @user_script: 2: -READONLY You can't …`.
 */
const REFUSAL =
  /^(?:ERR Error running script .*?: -)?(?:ERR (max number of clients)|(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|MISCONF|OOM|BUSY|UNKILLABLE|UNBLOCKED|TRYAGAIN|MOVED|ASK|DENIED|NOAUTH|WRONGPASS|NOPERM)\b)/;

/** Refusals for which another connection is no help: this server is the right one, or the client knows a better. */
const STAYS = new Set(['BUSY', 'UNBLOCKED', 'TRYAGAIN', 'MOVED', 'ASK', 'NOPERM']);

/** The word with which Redis refuses commands in its present state; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, clients, word] = REFUSAL.exec(error.message) ?? [];
  return clients ?? word;
}

/** What the log says of an error of Redis that is away; undefined for any other error. Quotes no key and no value. */
export function describeRedisAway(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const word = refusalOf(error) ?? UNREACHABLE.exec(error.message)?.[0];
  return word && `Redis: ${word}`;
}

/** Whether the connection should end after this error, so that the next one reaches the server that took over. */
export function endsConnection(error: unknown): boolean {
  const word = refusalOf(error);
  return word !== undefined && !STAYS.has(word);
}

/** Whether Redis is away for the moment (the caller may try again), as against a fault of ours. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    UNREACHABLE.test(error.message) ||
    refusalOf(error) !== undefined
  );
}

/** Whether Redis may have run the command that failed so; false: it certainly did not. */
export function mayHaveRun(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  return error.name !== 'ReplyError' && !/enableOfflineQueue/.test(error.message);
}
