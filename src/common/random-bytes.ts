import { randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;

let pool = Buffer.alloc(0);
let used = 0;

/**
 * Random bytes for tokens. They are taken from a pool, because a call of Node's `randomBytes` costs as much for 16
 * bytes as for a thousand. No byte is given out twice.
 * @param count at most 4096
 */
export function pooledRandomBytes(count: number): Buffer {
  if (used + count > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += count;
  return pool.subarray(used - count, used);
}
