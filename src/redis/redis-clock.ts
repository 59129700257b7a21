import { Injectable, Logger, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

/** Milliseconds between two comparisons. The clocks of two machines drift by less than a millisecond in it. */
const COMPARE_EVERY = 10_000;
/** Of so many answers the quickest is taken: it says most exactly what Redis's clock shows. */
const SAMPLES = 5;

interface Sample {
  /** Redis's clock less this process's monotonic one, in ms. */
  readonly offset: number;
  readonly roundTrip: number;
}

/**
 * Redis's clock, as far as this process can know it: never ahead of it, and behind it by a round trip at most. The
 * moments that servers compare with each other are read from it, because their own clocks differ by seconds.
 */
@Injectable()
export class RedisClock implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Redis');
  private offset?: number;
  private timer?: NodeJS.Timeout;

  constructor(private readonly redis: Redis) {}

  async onModuleInit(): Promise<void> {
    // Another server, as after a failover, has another clock.
    this.redis.on('ready', () => void this.compare());
    this.timer = setInterval(() => void this.compare(), COMPARE_EVERY).unref();
    await this.compare();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * What Redis's clock showed when this process's clock showed `local`.
   * @param local a moment of this process, a short while ago at most, in ms since the epoch
   * @returns ms since the epoch; `local` itself as long as Redis has never answered
   */
  at(local: number): number {
    if (this.offset === undefined) return local;
    return Math.floor(this.offset + performance.now() - (Date.now() - local));
  }

  /**
   * What Redis's clock shows now, by its own word: later than every moment that any process took from `at` before.
   * One Redis command.
   * @returns ms since the epoch
   */
  async now(): Promise<number> {
    return millisecondsOf(await this.redis.time());
  }

  private async compare(): Promise<void> {
    try {
      const samples: Sample[] = [];
      for (let nth = 0; nth < SAMPLES; nth++) samples.push(await this.sample());
      const { offset } = samples.reduce((best, each) => (each.roundTrip < best.roundTrip ? each : best));
      this.offset = offset;
    } catch (error) {
      // Redis is away: the offset of before still holds, and the next comparison is near.
      this.logger.debug('Clocks not compared', { cause: (error as Error).name });
    }
  }

  private async sample(): Promise<Sample> {
    const redis = this.redis as Redis | Cluster;
    const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
    const sent = performance.now();
    const times = await Promise.all(nodes.map((node) => node.time()));
    const received = performance.now();
    // Read before it was received, so it shows at least this now. Of several nodes the one that is most behind.
    const read = Math.min(...times.map(millisecondsOf));
    return { offset: read - received, roundTrip: received - sent };
  }
}

/** Of an answer to TIME: seconds and microseconds. */
const millisecondsOf = ([seconds, micros]: readonly (string | number)[]): number =>
  Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
