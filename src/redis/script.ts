import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';

/**
 * A Lua script that Redis runs as one step. It is sent by its SHA-1. The text is sent only to a server that does not
 * know it yet, for example after a restart or a failover. Such a server answers NOSCRIPT without running anything, so
 * nothing runs twice.
 */
export class Script {
  readonly sha: string;

  constructor(private readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /**
   * @param keys all in one slot, so that a Redis Cluster can run it
   * @returns what the script returns
   */
  async run(redis: Redis, keys: readonly string[], ...values: (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...values);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...values);
    }
  }
}
