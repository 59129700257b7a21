/** Messages of ioredis when Redis cannot be reached or does not answer. ioredis has classes for few of its errors. */
const UNREACHABLE =
  /Command timed out|Socket timeout|Connection is closed|Stream isn't writeable|max retries per request|Command aborted|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|Failed to refresh slots|None of startup nodes|All sentinels are unreachable|ECONNRESET|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN/i;

/**
 * Refusals of a Redis that runs but cannot do what it is asked: it is a replica, is loading, lacks replicas, memory,
 * disk or connections, or is not (any more) the node to ask. Redis 6 and older wrap the word when it occurs in a
 * script: `ERR Error running script (call to f_…): @user_script:2: @user_script: 2: -READONLY You can't …`.
 */
const REFUSAL =
  /^(?:ERR Error running script .*?: -)?(?:ERR (max number of clients)|(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|MISCONF|OOM|BUSY|UNKILLABLE|UNBLOCKED|TRYAGAIN|MOVED|ASK|DENIED|NOAUTH|WRONGPASS|NOPERM)\b)/;

/**
 * Refusals for which a new connection does not help: this server is the right one, or the client knows a better one.
 */
const STAYS = new Set(['BUSY', 'UNBLOCKED', 'TRYAGAIN', 'MOVED', 'ASK', 'NOPERM']);

/** The word with which Redis refuses commands in its present state; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, clients, word] = REFUSAL.exec(error.message) ?? [];
  return clients ?? word;
}

/**
 * What the log says about an error of a Redis that is away; undefined for any other error. Quotes no key and no value.
 */
export function describeRedisAway(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const word = refusalOf(error) ?? UNREACHABLE.exec(error.message)?.[0];
  return word && `Redis: ${word}`;
}

/** Whether to end the connection after this error, so that the next one reaches the server that took over. */
export function endsConnection(error: unknown): boolean {
  const word = refusalOf(error);
  return word !== undefined && !STAYS.has(word);
}

/** Whether Redis is away for now (the caller may try again), as opposed to a bug of the service. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    UNREACHABLE.test(error.message) ||
    refusalOf(error) !== undefined
  );
}

/** Whether Redis may have run the failed command; false: it certainly did not. */
export function mayHaveRun(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  return error.name !== 'ReplyError' && !/enableOfflineQueue/.test(error.message);
}
