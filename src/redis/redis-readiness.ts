import { Injectable } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

/** Milliseconds that a probe may take: a Redis that needs longer is not one to send requests to. */
const PATIENCE = 1000;
/** Milliseconds that a probe's key lives. */
const TTL = 1000;
/** Enough keys that each primary of a Redis Cluster gets one. */
const KEYS_IN_CLUSTER = 24;

/** Whether this instance may be sent requests, as far as Redis is concerned: a replica, too, answers a PING. */
@Injectable()
export class RedisReadiness {
  /** One check at a time, however many ask: the route is open to everybody. */
  private running?: Promise<void>;

  constructor(private readonly redis: Redis) {}

  /**
   * Resolves when a write would succeed now. Takes a second at most.
   * @throws Error for which `isRedisAway` holds, when it would not
   */
  async check(): Promise<void> {
    this.running ??= this.write().finally(() => (this.running = undefined));
    await this.running;
  }

  private async write(): Promise<void> {
    const keys = this.redis instanceof Cluster ? KEYS_IN_CLUSTER : 1;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Command timed out')), PATIENCE);
    });
    try {
      const writes = Array.from({ length: keys }, (_, n) => this.redis.set(`qq:probe:${n}`, 1, 'PX', TTL));
      await Promise.race([Promise.all(writes), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
