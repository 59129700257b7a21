import type { Socket } from 'node:net';
import { RedisModule, RedisService } from '@liaoliaots/nestjs-redis';
import { DynamicModule, Logger } from '@nestjs/common';
import { Cluster, Redis, RedisOptions } from 'ioredis';
import { Gauge } from 'prom-client';
import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';
import { parseRedisUrl, RedisServers } from '../config/redis-url.js';
import { RedisClock } from './redis-clock.js';
import { RedisReadiness } from './redis-readiness.js';
import { clusterOptions, OPTIONS, sentinelOptions } from './redis-options.js';

const WAIT_AT_BOOT_MS = 10_000;
/** The first version whose scripts may read the clock and then write (script effects replication). */
const OLDEST_VERSION = 5;

const logger = new Logger('Redis');
const connected = new Gauge({
  name: 'qq_account_redis_connected',
  help: '1 while there is a connection to Redis that takes commands',
  aggregator: 'min',
});

/** Provides `Redis`: a server's, a cluster's or the embedded one. No other code chooses between them. */
export function redisModule(): DynamicModule {
  const module = RedisModule.forRootAsync({
    inject: [Config],
    useFactory: (...[config]: unknown[]) => ({
      config: optionsOf(serversOf(config as Config)),
      errorLog: false,
      readyLog: false,
    }),
  });
  return {
    ...module,
    providers: [
      ...(module.providers ?? []),
      { provide: Redis, inject: [Config, RedisService], useFactory: connect },
      RedisClock,
      RedisReadiness,
    ],
    exports: [...(module.exports ?? []), Redis, RedisClock, RedisReadiness],
  };
}

const serversOf = ({ REDIS_URL }: Config): RedisServers | undefined => parseRedisUrl(REDIS_URL ?? '');

function optionsOf(servers: RedisServers | undefined): RedisOptions | [] {
  if (servers?.kind === 'server') return { ...OPTIONS, url: servers.url } as RedisOptions;
  return servers?.kind === 'sentinel' ? sentinelOptions(servers) : [];
}

async function connect(config: Config, clients: RedisService): Promise<Redis | Cluster> {
  const servers = serversOf(config);
  if (!servers) return embedded();
  const redis =
    servers.kind === 'cluster'
      ? closing(new Cluster([...servers.nodes], clusterOptions(servers.nodes)))
      : clients.getOrThrow();
  watch(redis);
  await ready(redis);
  await refuseUnfit(redis);
  return redis;
}

/** Redis inside this process: the same commands and scripts; its data ends with the process. */
async function embedded(): Promise<Redis> {
  const { default: RedisMock } = await import('ioredis-mock');
  // The mock shares one store between clients of one host. A unique host separates two services.
  const redis = new RedisMock({ host: crypto.randomUUID() });
  return closing(Object.assign(redis, { time: async () => timeNow() }));
}

/** The answer to TIME. The mock's own TIME rounds the seconds up and takes the microseconds from another clock. */
function timeNow(): [seconds: number, micros: number] {
  const ms = performance.timeOrigin + performance.now();
  return [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1000)];
}

/** Adds the hook that Nest calls at shutdown. RedisModule closes its own clients itself. */
function closing<T extends Redis | Cluster>(redis: T): T {
  return Object.assign(redis, { onApplicationShutdown: () => redis.disconnect() });
}

/** Logs when Redis goes away and when it is back, not every attempt in between. */
function watch(redis: Redis | Cluster): void {
  let away = false;
  redis.on('error', (error: Error & { code?: string }) => {
    if (!away) logger.error('Redis went away', { code: error.code ?? error.name });
    away = true;
  });
  redis.on('close', () => connected.set(0));
  if (redis instanceof Redis) prepare(redis);
  else redis.on('+node', prepare);
  redis.on('ready', () => {
    connected.set(1);
    if (away) logger.log('Redis came back');
    away = false;
  });
  // ioredis does not ask a lost node again. The new owner of its keys is looked up at once, not at the next command.
  if (redis instanceof Cluster) redis.on('-node', () => redis.refreshSlotsCache());
}

function prepare(connection: Redis): void {
  forgetTimer(connection);
  writeTogether(connection);
}

/**
 * Writes the commands of one round of the event loop together: a system call costs more than a command. Unlike the
 * client's automatic pipelines, each command keeps its own time limit and its own error.
 */
function writeTogether(connection: Redis): void {
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, stream) => {
    const socket = connection['stream'] as Socket | undefined;
    if (socket && socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return send(command, stream);
  };
}

/** Until ioredis has a fix (redis/ioredis#2147): the timer of a closed connection would end the next one. */
function forgetTimer(connection: Redis): void {
  connection.on('close', () => {
    clearTimeout(connection['socketTimeoutTimer'] as NodeJS.Timeout | undefined);
    connection['socketTimeoutTimer'] = undefined;
  });
}

/** What Redis answers to a client that it refuses. */
const CREDENTIALS_REFUSED =
  /WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH|ERR DB index|cluster support disabled/;

/**
 * Waits until there is a connection, because commands are not queued without one. After a while the service starts
 * without Redis.
 * @throws OperatorError when Redis refuses our credentials, which waiting does not repair
 */
async function ready(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return connected.set(1);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, WAIT_AT_BOOT_MS);
    redis.once('ready', resolve);
    redis.on('error', (error: Error & { lastNodeError?: Error }) => {
      // A cluster's error carries the error of one of its nodes.
      const [why] = CREDENTIALS_REFUSED.exec((error.lastNodeError ?? error).message) ?? [];
      if (why) reject(new OperatorError(`REDIS_URL: Redis refuses the connection (${why})`));
    });
    redis.once('ready', () => clearTimeout(timer));
  });
}

/**
 * @throws OperatorError when Redis is older than our scripts need, or is a node of a cluster that was configured alone
 */
async function refuseUnfit(redis: Redis | Cluster): Promise<void> {
  if (redis.status !== 'ready') return;
  const info = await redis.info().catch((error: Error) => {
    logger.warn('Redis does not tell its version', { cause: error.name });
    return '';
  });
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const version = field('redis_version');
  if (version && parseInt(version, 10) < OLDEST_VERSION)
    throw new OperatorError(
      `REDIS_URL: Redis ${version} is too old, at least ${OLDEST_VERSION}.0 is needed.`,
    );
  if (field('redis_mode') === 'cluster' && redis instanceof Redis)
    throw new OperatorError(
      'REDIS_URL: names one node of a Redis Cluster, several are needed, comma-separated.',
    );
  const policy = field('maxmemory_policy');
  if (policy && policy !== 'noeviction' && field('maxmemory') !== '0')
    logger.warn('Redis may drop limits and ended logins when it is full: set maxmemory-policy noeviction', {
      policy,
    });
}
