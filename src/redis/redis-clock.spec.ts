import RedisMock from 'ioredis-mock';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisClock } from './redis-clock.js';

/** Milliseconds by which Redis's clock is ahead of this process's. */
const AHEAD = 30_000;

let redis: Redis;
let clock: RedisClock;

beforeEach(() => {
  redis = new RedisMock({ host: crypto.randomUUID() });
  clock = new RedisClock(redis);
});

afterEach(() => {
  clock.onApplicationShutdown();
  vi.restoreAllMocks();
});

const timeOf = (ms: number) => [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1000)];

describe('at', () => {
  it('at returns what Redis shows: never more, and less by one round trip at most', async () => {
    vi.spyOn(redis, 'time').mockImplementation(async () => {
      const read = timeOf(Date.now() + AHEAD);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return read;
    });
    await clock.onModuleInit();

    const now = Date.now();
    const shown = clock.at(now);

    expect(shown).toBeLessThanOrEqual(now + AHEAD);
    expect(shown).toBeGreaterThan(now + AHEAD - 50);
    // The two calls read two clocks a moment apart, in whole milliseconds.
    expect(Math.abs(clock.at(now - 400) - (shown - 400))).toBeLessThanOrEqual(1);
  });

  it('at uses the quickest answer, not the last one', async () => {
    let nth = 0;
    vi.spyOn(redis, 'time').mockImplementation(async () => {
      const read = timeOf(Date.now() + AHEAD);
      // None is so quick that the next one is not asked for. Two comparisons run: of the start and of the connection.
      await new Promise((resolve) => setTimeout(resolve, ++nth > 2 ? 60 : 5));
      return read;
    });
    await clock.onModuleInit();

    const now = Date.now();

    expect(clock.at(now)).toBeGreaterThan(now + AHEAD - 40);
  });

  it('at does not depend on the first answers, which a busy moment may delay', async () => {
    let nth = 0;
    vi.spyOn(redis, 'time').mockImplementation(async () => {
      const read = timeOf(Date.now() + AHEAD);
      if (++nth < 15) await new Promise((resolve) => setTimeout(resolve, 60));
      return read;
    });
    await clock.onModuleInit();

    const now = Date.now();

    expect(clock.at(now)).toBeGreaterThan(now + AHEAD - 40);
  });

  it('a Redis that answers slowly is not asked often, and does not hold up the start', async () => {
    const time = vi.spyOn(redis, 'time').mockImplementation(async () => {
      const read = timeOf(Date.now());
      await new Promise((resolve) => setTimeout(resolve, 400));
      return read;
    });

    await clock.onModuleInit();

    // Three for each of the two comparisons.
    expect(time.mock.calls.length).toBeLessThanOrEqual(6);
  });

  it('at is not affected when the clock of this machine jumps', async () => {
    await clock.onModuleInit();
    const before = clock.at(Date.now());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });

    const after = clock.at(Date.now());
    vi.useRealTimers();

    expect(after - before).toBeLessThan(1000);
  });

  it('at returns the clock of this machine until Redis has answered', async () => {
    vi.spyOn(redis, 'time').mockRejectedValue(new Error('Connection is closed.'));
    await clock.onModuleInit();

    expect(clock.at(12_345)).toBe(12_345);
  });
});
