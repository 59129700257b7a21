import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RequestClock, untimed, WAITING_MS } from './request-clock.js';

const started = (): RequestClock => {
  const clock = new RequestClock();
  clock.start();
  return clock;
};

describe('the time that is left to a request', () => {
  it('the time left to a request runs from the start of its clock', async () => {
    const clock = new RequestClock();
    expect(clock.timeLeft).toBe(Infinity);

    clock.start();
    await sleep(30);

    expect(clock.timeLeft).toBeLessThanOrEqual(WAITING_MS - 29);
    expect(clock.timeLeft).toBeGreaterThan(0);
  });

  it('the time left to a request stands still during untimed work, however many of it run at once', async () => {
    const clock = started();
    const before = clock.timeLeft;

    const both = Promise.all([untimed(clock, () => sleep(40)), untimed(clock, () => sleep(80))]);
    expect(clock.timeLeft).toBe(Infinity);
    await both;

    const lost = before - clock.timeLeft;
    expect(lost).toBeGreaterThanOrEqual(0);
    expect(lost).toBeLessThan(40);
  });

  it('the time left to a request goes on after untimed work that failed', async () => {
    const clock = started();

    await expect(untimed(clock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');

    expect(clock.timeLeft).toBeLessThanOrEqual(WAITING_MS);
  });
});
