import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  behindTheAnswer,
  CurrentRequest,
  currentRequestId,
  timeLeft,
  untimed,
  WAITING_MS,
} from './current-request.js';

const started = (): CurrentRequest => {
  const request = new CurrentRequest('request-1');
  request.startClock();
  return request;
};

describe('the time that is left to a request', () => {
  it('runs from the start of its clock, and is no matter outside of requests', async () => {
    const request = new CurrentRequest('request-1');
    expect(request.run(timeLeft)).toBe(Infinity);

    request.startClock();
    await sleep(30);

    const left = request.run(timeLeft);
    expect(left).toBeLessThanOrEqual(WAITING_MS - 29);
    expect(left).toBeGreaterThan(0);
    expect(timeLeft()).toBe(Infinity);
  });

  it('stands still during untimed work, however many of it run at once', async () => {
    const request = started();
    const before = request.timeLeft;

    await request.run(async () => {
      const both = Promise.all([untimed(() => sleep(40)), untimed(() => sleep(80))]);
      expect(timeLeft()).toBe(Infinity);
      await both;
    });

    const lost = before - request.timeLeft;
    expect(lost).toBeGreaterThanOrEqual(0);
    expect(lost).toBeLessThan(40);
  });

  it('goes on after untimed work that failed', async () => {
    const request = started();

    const failing = request.run(() => untimed(() => Promise.reject(new Error('no'))));

    await expect(failing).rejects.toThrow('no');
    expect(request.timeLeft).toBeLessThanOrEqual(WAITING_MS);
  });

  it('does not bound what runs behind the answer, which has the same id', async () => {
    const request = started();

    const behind = request.run(() =>
      behindTheAnswer(async () => {
        await sleep(1);
        return [currentRequestId(), timeLeft()];
      }),
    );

    expect(await behind).toEqual(['request-1', Infinity]);
    expect(behindTheAnswer(currentRequestId)).toBeUndefined();
  });
});
