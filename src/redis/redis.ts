import { RedisModule, RedisService } from '@liaoliaots/nestjs-redis';
import { DynamicModule, Logger } from '@nestjs/common';
import { Cluster, Redis, RedisOptions } from 'ioredis';
import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';

/**
 * A command fails rather than waits, and is never sent twice: a resent SPEND would find its own work done and
 * say that somebody else had won. A line on which nothing has come for longer than any command may take is dead,
 * though nobody may have said so (a router that forgot it, a failover), and is made anew.
 */
const OPTIONS: RedisOptions = {
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2000,
  connectTimeout: 2000,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
  socketTimeout: 2500,
};
const PATIENCE_AT_BOOT_MS = 10_000;

/** The one place that knows which Redis: provides `Redis`, a server's, a cluster's or the embedded one's. */
export function redisModule(): DynamicModule {
  const module = RedisModule.forRootAsync({
    inject: [Config],
    useFactory: (...[config]: unknown[]) => ({ config: serverOf(config as Config), errorLog: false }),
  });
  return {
    ...module,
    providers: [
      ...(module.providers ?? []),
      { provide: Redis, inject: [Config, RedisService], useFactory: connect },
    ],
    exports: [...(module.exports ?? []), Redis],
  };
}

function serverOf({ REDIS_URL }: Config): ({ url: string } & RedisOptions) | [] {
  return REDIS_URL?.length === 1 ? { ...OPTIONS, url: REDIS_URL[0]! } : [];
}

async function connect(config: Config, servers: RedisService): Promise<Redis | Cluster> {
  const nodes = config.REDIS_URL ?? [];
  if (nodes.length === 0) return embedded();
  const redis = nodes.length === 1 ? servers.getOrThrow() : cluster(nodes);
  watch(redis);
  await ready(redis);
  return redis;
}

function cluster(nodes: string[]): Cluster {
  const { commandTimeout, connectTimeout, socketTimeout, password, username, tls } = {
    ...OPTIONS,
    ...credentials(nodes[0]!),
  };
  const redis = new Cluster(nodes, {
    enableOfflineQueue: false,
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 1000),
    redisOptions: {
      commandTimeout,
      connectTimeout,
      socketTimeout,
      password,
      username,
      tls,
      autoResendUnfulfilledCommands: false,
    },
  });
  return closing(redis);
}

function credentials(node: string): Pick<RedisOptions, 'password' | 'username' | 'tls'> {
  const { protocol, username, password } = new URL(node);
  return {
    ...(password && { password: decodeURIComponent(password) }),
    ...(username && { username: decodeURIComponent(username) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}

/** Redis in this process: the same commands and scripts, forgotten when the process ends. */
async function embedded(): Promise<Redis> {
  const { default: RedisMock } = await import('ioredis-mock');
  // The mock shares one store between clients of one host: a host of its own keeps two services apart.
  return closing(new RedisMock({ host: crypto.randomUUID() }));
}

/** Nest calls it at shutdown; a client of RedisModule's own is closed by that module. */
function closing<T extends Redis | Cluster>(redis: T): T {
  return Object.assign(redis, { onApplicationShutdown: () => redis.disconnect() });
}

/** Says once when Redis goes and once when it is back, not at every attempt between. */
function watch(redis: Redis | Cluster): void {
  const logger = new Logger('Redis');
  let away = false;
  redis.on('error', (error: Error & { code?: string }) => {
    if (!away) logger.error('Redis went away', { code: error.code ?? error.name });
    away = true;
  });
  // Until ioredis has its own mend (redis/ioredis#2147): the timer of a line that closed would fire on the next one.
  if (redis instanceof Redis) forgetTimer(redis);
  else redis.on('+node', forgetTimer);
  redis.on('ready', () => {
    if (away) logger.log('Redis came back');
    away = false;
  });
}

function forgetTimer(line: Redis): void {
  line.on('close', () => {
    clearTimeout(line['socketTimeoutTimer'] as NodeJS.Timeout | undefined);
    line['socketTimeoutTimer'] = undefined;
  });
}

/** What Redis says to whoever it does not let in. */
const REFUSES = /WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH|ERR DB index/;

/**
 * Commands are not queued while the line is down, so the service starts when it is up; or without it, after a while.
 * @throws OperatorError when Redis is there and does not let us in: that does not come right by waiting
 */
async function ready(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, PATIENCE_AT_BOOT_MS);
    redis.once('ready', resolve);
    redis.on('error', ({ message }: Error) => {
      const [why] = REFUSES.exec(message) ?? [];
      if (why) reject(new OperatorError(`REDIS_URL: Redis does not let us in (${why})`));
    });
    redis.once('ready', () => clearTimeout(timer));
  });
}

/** ioredis has classes for few of its errors: what it says when the line is down, slow, or the server is not ready. */
const AWAY =
  /Command timed out|Socket timeout|Connection is closed|Stream isn't writeable|max retries per request|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|Failed to refresh slots|None of startup nodes|^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS|OOM|UNBLOCKED)\b/i;

/** Whether Redis is away for the moment (the caller may try again), as against a fault of ours. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'MaxRetriesPerRequestError' || AWAY.test(error.message);
}

/** Whether Redis may have run the command that failed so; false: it certainly did not. */
export function mayHaveRun(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  return error.name !== 'ReplyError' && !/enableOfflineQueue/.test(error.message);
}
