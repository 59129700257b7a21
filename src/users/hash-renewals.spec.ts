import RedisMock from 'ioredis-mock';
import type { Repository } from 'typeorm';
import { expect, it } from 'vitest';
import { HashRenewals } from './hash-renewals.js';
import type { PasswordHasher } from './password-hasher.js';
import type { User } from './user.entity.js';

it('two servers that renew one hash at once: the stored hash counts as a renewal, and no other hash does', async () => {
  const redis = new RedisMock({ host: crypto.randomUUID() });
  let stored = 'weak';
  const users = {
    update: async ({ password }: { password: string }, row: { password: string }) => {
      if (stored !== password) return { affected: 0 };
      stored = row.password;
      return { affected: 1 };
    },
  } as unknown as Repository<User>;
  const server = (renewed: string) =>
    new HashRenewals(users, { hash: async () => renewed } as unknown as PasswordHasher, redis);
  const [one, other] = [server('strong 1'), server('strong 2')];
  const account = { id: 7, password: 'weak' };

  for (const each of [one, other]) each.renewLater(account, 'secret', { requestId: 'test' });
  for (const each of [one, other]) await each.onApplicationShutdown();

  expect(stored).toBe('strong 1');
  for (const each of [one, other]) expect(await each.isRenewal(7, 'weak', stored)).toBe(true);
  expect(await one.isRenewal(7, 'weak', 'strong 3')).toBe(false);
  expect(await one.isRenewal(8, 'weak', stored)).toBe(false);
});
