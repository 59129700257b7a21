import { Injectable } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';

/** Milliseconds that a probe may take: a Redis that needs longer is not one to send requests to. */
const PATIENCE = 1000;
/** Milliseconds that a probe's key lives. */
const TTL = 1000;
/** Enough keys that each primary of a Redis Cluster gets one. */
const KEYS_IN_CLUSTER = 24;

/** Whether Redis would take a write right now: a replica, a full or a loading Redis answers PING all the same. */
@Injectable()
export class RedisReadiness {
  constructor(private readonly redis: Redis) {}

  /**
   * Writes a key that goes by itself. Takes a second at most.
   * @throws Error for which `isRedisAway` holds, when a write would fail
   */
  async check(): Promise<void> {
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
