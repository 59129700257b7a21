import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { Limits } from '../limits/limits.js';
import { ImageCodeService, Picture } from './image-code.service.js';

const client = { network: '203.0.113.8' } as Client;

it('of six hundred simultaneous pictures, one hundred are drawn, and the others are refused at once', async () => {
  const service = new ImageCodeService(
    { set: () => Promise.resolve('OK') } as unknown as Redis,
    { HUMAN_CHECK: ['picture'] } as unknown as Config,
    { take: () => Promise.resolve() } as unknown as Limits,
  );
  const order: string[] = [];

  const outcomes = await Promise.all(
    Array.from({ length: 600 }, async (): Promise<Picture | Problem> => {
      try {
        const picture = await service.draw(randomUUID(), client);
        order.push('drawn');
        return picture;
      } catch (error) {
        order.push('refused');
        return error as Problem;
      }
    }),
  );

  const refused = outcomes.filter((outcome): outcome is Problem => outcome instanceof Problem);
  expect(refused).toHaveLength(500);
  expect(new Set(refused.map(({ code, retryAfter }) => `${code} ${retryAfter}`))).toEqual(
    new Set(['OVERLOADED 1']),
  );
  expect(order.lastIndexOf('refused')).toBeLessThan(order.indexOf('drawn'));
  await expect(service.draw(randomUUID(), client)).resolves.toHaveProperty('png');
});
