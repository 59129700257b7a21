import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { lowerHashPriority } from './hash-priority.js';

const THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

describe.runIf(process.platform === 'linux')('the priority of hashes', () => {
  it("is lower than the event loop's, on every thread of libuv's pool", async () => {
    const own = getPriority();

    const threads = await lowerHashPriority(THREADS);

    expect(threads.size).toBe(THREADS);
    for (const thread of threads) expect(getPriority(thread)).toBeGreaterThan(own);
    expect(getPriority()).toBe(own);
  });
});
