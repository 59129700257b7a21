import { Logger } from '@nestjs/common';
import { ClusterOptions, RedisOptions } from 'ioredis';
import { Counter } from 'prom-client';
import { Throttle } from '../common/throttle.js';
import { credentialsOf, RedisSentinels } from '../config/redis-url.js';
import { endsConnection, refusalOf } from './redis-errors.js';

const logger = new Logger('Redis');
const logs = new Throttle(60_000);
/** Limits how often a server that keeps refusing is reconnected to. */
const ends = new Throttle(1000);

const refusals = new Counter({
  name: 'qq_account_redis_refusals_total',
  help: 'Commands that Redis refused because of its state, by the word it said',
  labelNames: ['word'],
});

const backOff = (attempt: number): number => Math.min(50 * attempt, 1000);

/**
 * A command fails instead of waiting, and is never sent twice: a repeated spend would find its own work done and report
 * that another caller had won. A connection that is silent for longer than any command may take is dead (a failover, a
 * router that dropped it) and is replaced.
 */
export const OPTIONS = {
  autoResendUnfulfilledCommands: false,
  commandTimeout: 2000,
  connectTimeout: 2000,
  enableOfflineQueue: false,
  maxLoadingRetryTime: 1000,
  maxRetriesPerRequest: 0,
  reconnectOnError: endsAfter,
  retryStrategy: backOff,
  socketTimeout: 2500,
} satisfies RedisOptions;

/** Options for a group of servers whose primary is known to Sentinel. */
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
    // The Sentinels report a failover that leaves connections to the old primary open.
    failoverDetector: true,
    sentinelCommandTimeout: 1000,
    sentinelReconnectStrategy: backOff,
    sentinelRetryStrategy: backOff,
  };
}

/** Options for a Redis Cluster. The credentials are those of its first node. */
export function clusterOptions(nodes: readonly string[]): ClusterOptions {
  const { autoResendUnfulfilledCommands, commandTimeout, connectTimeout, reconnectOnError, socketTimeout } =
    OPTIONS;
  const first = new URL(nodes[0]!);
  return {
    clusterRetryStrategy: backOff,
    enableOfflineQueue: false,
    // After a connection broke, the outcome of its commands is unknown. The default would send them again.
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

/** Called by ioredis after every error answer: whether to end the connection. */
function endsAfter(error: Error): boolean {
  const word = refusalOf(error);
  if (word === undefined) return false;
  refusals.inc({ word });
  if (logs.allows(word)) logger.error('Redis refuses commands', { word });
  return endsConnection(error) && ends.allows('connection');
}
