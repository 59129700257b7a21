import RedisMock from 'ioredis-mock';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { limitKey, Limits } from './limits.js';
import type { Rule } from './rules.js';

let redis: Redis;
let limits: Limits;

beforeEach(() => {
  // The mock shares one store between clients of the same host.
  redis = new RedisMock({ host: crypto.randomUUID() });
  limits = limitsWith('starts-per-ip=3/60', 'binds-per-ip=2/600', 'resets-per-ip=1/60');
});

const limitsWith = (...LIMITS: string[]) =>
  new Limits(redis, { LIMITS, SMS_DAILY_BUDGET: 100, BIND_TOKEN_TTL: 3600 } as unknown as Config);
const counted = async (rule: Rule, subject: string) => Number(await redis.get(limitKey(rule, subject)));

async function refusal(work: Promise<void>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('take', () => {
  it('take lets as many uses pass as the rule allows, and tells later ones how long to wait', async () => {
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => limits.take({ 'starts-per-ip': 'a' })),
    );

    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(await counted('starts-per-ip', 'a')).toBe(3);
    const { code, retryAfter } = await refusal(limits.take({ 'starts-per-ip': 'a' }));
    expect(code).toBe('TOO_MANY_REQUESTS');
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(retryAfter).toBeGreaterThan(30);
    await limits.take({ 'starts-per-ip': 'b' });
  });

  it('take opens the window with the first use, and no later use moves its end', async () => {
    await limits.take({ 'binds-per-ip': 'a' });
    await redis.pexpire(limitKey('binds-per-ip', 'a'), 5000);

    await limits.take({ 'binds-per-ip': 'a' });

    expect(await redis.pttl(limitKey('binds-per-ip', 'a'))).toBeLessThanOrEqual(5000);
    expect((await refusal(limits.take({ 'binds-per-ip': 'a' }))).retryAfter).toBe(5);
  });

  it('take counts nothing when one of the rules refuses, whatever the subjects of the others', async () => {
    await limits.take({ 'resets-per-ip': 'a' });

    const refused = await refusal(
      limits.take({ 'resets-per-ip': 'a', 'starts-per-ip': 'a', 'binds-per-ip': 'b' }),
    );

    expect(refused.retryAfter).toBe(60);
    expect(await counted('resets-per-ip', 'a')).toBe(1);
    expect(await counted('starts-per-ip', 'a')).toBe(0);
    expect(await counted('binds-per-ip', 'b')).toBe(0);
  });

  it('take names the strictest of the refusing rules', async () => {
    await limits.take({ 'resets-per-ip': 'a', 'binds-per-ip': 'a' });
    await limits.take({ 'binds-per-ip': 'a' });

    const refused = await refusal(limits.take({ 'resets-per-ip': 'a', 'binds-per-ip': 'a' }));

    expect(refused.retryAfter).toBe(600);
  });

  it('take does not reach the next stage when one refuses, and undoes the stage before', async () => {
    await limits.take({ 'resets-per-ip': 'b' });

    await refusal(limits.take({ 'starts-per-ip': 'a' }, { 'resets-per-ip': 'b' }, { 'binds-per-ip': 'c' }));

    expect(await counted('starts-per-ip', 'a')).toBe(0);
    expect(await counted('binds-per-ip', 'c')).toBe(0);
  });

  it('take counts nothing if the subject of the next stage cannot be looked up', async () => {
    const lookUp = () => Promise.reject(new Error('nobody'));

    await expect(limits.take({ 'starts-per-ip': 'a' }, lookUp)).rejects.toThrow('nobody');

    expect(await counted('starts-per-ip', 'a')).toBe(0);
  });

  it('take counts one subject of two stages in both', async () => {
    await limits.take({ 'starts-per-ip': 'a' }, { 'binds-per-ip': 'a' });

    expect(await counted('starts-per-ip', 'a')).toBe(1);
    expect(await counted('binds-per-ip', 'a')).toBe(1);
  });

  it('take sends one command for all rules of one subject, and stops after the subject that refuses', async () => {
    await limits.take({ 'starts-per-ip': 'a' });
    const sent = vi.spyOn(redis, 'evalsha');

    await limits.take({ 'starts-per-ip': 'a', 'binds-per-ip': 'a', 'resets-per-ip': 'a' });
    expect(sent).toHaveBeenCalledTimes(1);
    await refusal(limits.take({ 'starts-per-ip': 'a', 'binds-per-ip': 'a', 'resets-per-ip': 'a' }));
    expect(sent).toHaveBeenCalledTimes(2);
  });

  it('take lets nothing pass for a rule that allows nothing', async () => {
    limits = limitsWith('starts-per-ip=0/7');

    expect((await refusal(limits.take({ 'starts-per-ip': 'a' }))).retryAfter).toBe(7);
  });
});

describe('giveBack', () => {
  it('giveBack gives back one use of each rule', async () => {
    const uses = { 'starts-per-ip': 'a', 'binds-per-ip': 'b' };
    await limits.take(uses);
    await limits.take(uses);

    await limits.giveBack(uses);

    expect(await counted('starts-per-ip', 'a')).toBe(1);
    expect(await counted('binds-per-ip', 'b')).toBe(1);
  });

  it('giveBack starts a new window when no use is left', async () => {
    await limits.take({ 'starts-per-ip': 'a' });

    await limits.giveBack({ 'starts-per-ip': 'a' });

    expect(await redis.exists(limitKey('starts-per-ip', 'a'))).toBe(0);
  });

  it('giveBack does not go below zero, and leaves no count without an expiry', async () => {
    await limits.giveBack({ 'starts-per-ip': 'a' });

    expect(await redis.exists(limitKey('starts-per-ip', 'a'))).toBe(0);
  });
});

describe('a count whose outcome is unknown', () => {
  const uses = { 'starts-per-ip': 'a', 'binds-per-ip': 'b' };

  /** Loses the answer to the next command. The returned function sends that command after all. */
  function loseAnswer({ ran }: { ran: boolean }): () => Promise<unknown> {
    const send = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
    let lost: unknown[] = [];
    vi.spyOn(redis, 'evalsha').mockImplementationOnce(async (...args: unknown[]) => {
      lost = args;
      if (ran) await send(...args);
      throw new Error('Command timed out');
    });
    return () => send(...lost);
  }

  it.each([
    ['ran', true],
    ['never ran', false],
  ])('a count with an unknown outcome is undone, with the others: it %s', async (_, ran) => {
    await limits.take(uses);
    loseAnswer({ ran });

    await expect(limits.take(uses)).rejects.toThrow('Command timed out');

    await vi.waitFor(async () => expect(await counted('binds-per-ip', 'b')).toBe(1), { timeout: 3000 });
    expect(await counted('starts-per-ip', 'a')).toBe(1);
  });

  it('a count that Redis runs after its undo counts nothing', async () => {
    await limits.take(uses);
    const run = loseAnswer({ ran: false });
    await expect(limits.take(uses)).rejects.toThrow('Command timed out');
    await vi.waitFor(async () => expect(await counted('binds-per-ip', 'b')).toBe(1), { timeout: 3000 });

    await run();

    expect(await counted('starts-per-ip', 'a')).toBe(1);
  });

  it('a count with an unknown outcome is undone once Redis can be reached, although the first tries fail', async () => {
    await limits.take(uses);
    loseAnswer({ ran: true });
    const taking = limits.take(uses);
    loseAnswer({ ran: false });
    loseAnswer({ ran: false });
    await expect(taking).rejects.toThrow('Command timed out');

    await vi.waitFor(async () => expect(await counted('starts-per-ip', 'a')).toBe(1), { timeout: 5000 });
  });

  it('a count whose command was never sent is not undone', async () => {
    vi.spyOn(redis, 'evalsha').mockRejectedValueOnce(
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    );
    const later = vi.spyOn(globalThis, 'setTimeout');

    await expect(limits.take({ 'starts-per-ip': 'a' })).rejects.toThrow('writeable');

    expect(later).not.toHaveBeenCalled();
    later.mockRestore();
  });
});
