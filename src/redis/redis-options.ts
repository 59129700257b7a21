import { Logger } from '@nestjs/common';
import { ClusterOptions, RedisOptions } from 'ioredis';
import { Counter } from 'prom-client';
import { Throttle } from '../common/throttle.js';
import { credentialsOf, RedisSentinels } from '../config/redis-url.js';
import { endsConnection, refusalOf } from './redis-errors.js';

const logger = new Logger('Redis');
const logs = new Throttle(60_000);
/** A server that goes on refusing is not connected to more often than this. */
const ends = new Throttle(1000);

const refusals = new Counter({
  name: 'qq_account_redis_refusals_total',
  help: 'Commands that Redis refused because of its state, by the word it said',
  labelNames: ['word'],
});

const backOff = (attempt: number): number => Math.min(50 * attempt, 1000);

/**
 * A command fails rather than waits, and is never sent twice: a spend that is sent again would find its own work done
 * and say that somebody else had won. A connection on which nothing has come for longer than any command may take is
 * dead, though nobody may have said so (a router that forgot it, a failover), and is made anew.
 */
export const OPTIONS = {
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2000,
  connectTimeout: 2000,
  enableOfflineQueue: false,
  maxLoadingRetryTime: 1000,
  maxRetriesPerRequest: 0,
  reconnectOnError: noteRefusal,
  retryStrategy: backOff,
  socketTimeout: 2500,
} satisfies RedisOptions;

/** For a group of servers whose primary Sentinel knows. */
export function sentinelOptions(group: RedisSentinels): RedisOptions {
  const { sentinels, name, db, tls, username, password, sentinelPassword } = group;
  return {
    ...OPTIONS,
    sentinels: [...sentinels],
    name,
    db,
    ...(username && { username }),
    ...(password && { password }),
    ...(sentinelPassword && { sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    // A failover that leaves the old primary's connections open is heard of from the Sentinels.
    failoverDetector: true,
    sentinelCommandTimeout: 1000,
    sentinelReconnectStrategy: backOff,
    sentinelRetryStrategy: backOff,
  };
}

/** For a Redis Cluster; the credentials are those of its first node. */
export function clusterOptions(nodes: readonly string[]): ClusterOptions {
  const { autoResendUnfulfilledCommands, commandTimeout, connectTimeout, reconnectOnError, socketTimeout } =
    OPTIONS;
  const first = new URL(nodes[0]!);
  return {
    clusterRetryStrategy: backOff,
    enableOfflineQueue: false,
    // Of a connection that broke nobody knows what became of its commands: the default would send them again.
    retryDelayOnFailover: 0,
    redisOptions: {
      autoResendUnfulfilledCommands,
      commandTimeout,
      connectTimeout,
      reconnectOnError,
      socketTimeout,
      ...credentialsOf(first),
      ...(first.protocol === 'rediss:' && { tls: {} }),
    },
  };
}

/** Asked by ioredis after every error that Redis answers: whether to end the connection. */
function noteRefusal(error: Error): boolean {
  const word = refusalOf(error);
  if (word === undefined) return false;
  refusals.inc({ word });
  if (logs.allows(word)) logger.error('Redis refuses commands', { word });
  return endsConnection(error) && ends.allows('connection');
}
