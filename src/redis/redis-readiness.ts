import { Injectable } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

/** Milliseconds that a probe may take. A slower Redis counts as not ready. */
const PROBE_MS = 1000;
/** Milliseconds that a probe's key lives. */
const TTL = 1000;
/** Enough keys for each primary of a Redis Cluster to get one. */
const KEYS_IN_CLUSTER = 24;

/** Whether Redis allows this instance to get requests. A PING is not enough: a replica answers it too. */
@Injectable()
export class RedisReadiness {
  /** The check that runs now. All callers share it, because the route is public. */
  private running?: Promise<void>;

  constructor(private readonly redis: Redis) {}

  /**
   * Resolves if a write succeeds now. Takes at most a second.
   * @throws Error for which `isRedisAway` holds, if a write fails
   */
  async check(): Promise<void> {
    this.running ??= this.write().finally(() => (this.running = undefined));
    await this.running;
  }

  private async write(): Promise<void> {
    const keys = this.redis instanceof Cluster ? KEYS_IN_CLUSTER : 1;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Command timed out')), PROBE_MS);
    });
    try {
      const writes = Array.from({ length: keys }, (_, n) => this.redis.set(`qq:probe:${n}`, 1, 'PX', TTL));
      await Promise.race([Promise.all(writes), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
