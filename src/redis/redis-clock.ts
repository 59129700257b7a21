import { Injectable, Logger, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

/** Milliseconds between two comparisons. Within it, the clocks of two machines drift by less than a millisecond. */
const COMPARE_EVERY = 10_000;
/** Milliseconds of a round trip whose answer is exact enough. */
const QUICK = 1;
/** Redis is asked until an answer is quick, at most this many times: a busy moment may delay several answers. */
const MOST_SAMPLES = 20;
/** Milliseconds after which a comparison ends with what it has: the start waits for the first one. */
const LONGEST = 1000;

interface Sample {
  /** Redis's clock minus this process's monotonic clock, in ms: what it is at least. */
  readonly offset: number;
  readonly roundTrip: number;
}

/**
 * Redis's clock, estimated by this process: never ahead of it, and at most one quick round trip behind. Moments that
 * servers compare with each other use it, because their own clocks differ by seconds.
 */
@Injectable()
export class RedisClock implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  private offset?: number;
  private timer?: NodeJS.Timeout;

  constructor(private readonly redis: Redis) {}

  async onModuleInit(): Promise<void> {
    // After a failover another server, with another clock, may answer.
    this.redis.on('ready', () => void this.compare());
    this.timer = setInterval(() => void this.compare(), COMPARE_EVERY).unref();
    await this.compare();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * What Redis's clock showed when this process's clock showed `local`.
   * @param local a recent moment of this process, in ms since the epoch
   * @returns ms since the epoch; `local` itself as long as Redis has never answered
   */
  at(local: number): number {
    if (this.offset === undefined) return local;
    return Math.floor(this.offset + performance.now() - (Date.now() - local));
  }

  /**
   * What Redis's clock shows now, read from Redis: later than every moment that any process got from `at` before. One
   * Redis command.
   * @returns ms since the epoch
   */
  async now(): Promise<number> {
    return millisecondsOf(await this.redis.time());
  }

  private async compare(): Promise<void> {
    try {
      const end = performance.now() + LONGEST;
      let offset = -Infinity;
      for (let nth = 0; nth < MOST_SAMPLES && performance.now() < end; nth++) {
        const sample = await this.sample();
        // Each is what the offset is at least.
        offset = Math.max(offset, sample.offset);
        if (sample.roundTrip <= QUICK) break;
      }
      this.offset = offset;
    } catch (error) {
      // Redis is away. The previous offset still holds, and the next comparison follows soon.
      this.logger.debug('Clocks not compared', { cause: (error as Error).name });
    }
  }

  private async sample(): Promise<Sample> {
    const redis = this.redis as Redis | Cluster;
    const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
    const sent = performance.now();
    const times = await Promise.all(nodes.map((node) => node.time()));
    const received = performance.now();
    // Redis's clock was read before the answer arrived, so it shows at least this now. Of several nodes the slowest
    // clock counts.
    const read = Math.min(...times.map(millisecondsOf));
    return { offset: read - received, roundTrip: received - sent };
  }
}

/** The ms of an answer to TIME, which has seconds and microseconds. */
const millisecondsOf = ([seconds, micros]: readonly (string | number)[]): number =>
  Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
