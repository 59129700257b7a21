import { createHash } from 'node:crypto';
import { OnApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Redis } from 'ioredis';
import { Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { PasswordHasher, PasswordOwner } from './password-hasher.js';
import { User } from './user.entity.js';

/** All renewals count as one network, so that they never fill the queue. */
const ASKER = { network: 'hash renewals' };

/** Seconds that a renewal is remembered: longer than a request can wait for a hash. */
const REMEMBERED_S = 60;

/** Replaces weaker password hashes with ours, after the answer to a login that proved the password. */
@Injectable()
export class HashRenewals implements OnApplicationShutdown {
  private readonly logger = new Logger(HashRenewals.name);
  /** By account, so that two simultaneous logins cost one hash. */
  private readonly running = new Map<number, Promise<void>>();

  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly passwords: PasswordHasher,
    private readonly redis: Redis,
  ) {}

  /** Whether `now` encodes the same password as `before`: a renewal is not a change of the password. */
  async isRenewal(id: number, before: string, now: string): Promise<boolean> {
    return (await this.redis.exists(keyOf(id, before, now))) === 1;
  }

  /** Renews the hash of a password that was just compared and is right. */
  renewLater(account: PasswordOwner, password: string, { requestId }: Pick<Client, 'requestId'>): void {
    if (this.running.has(account.id)) return;
    const renewal = this.renew(account, password, requestId).finally(() => this.running.delete(account.id));
    this.running.set(account.id, renewal);
  }

  /** Global modules shut down last, so the database is still connected. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private async renew(
    { id, password: encoded }: PasswordOwner,
    password: string,
    requestId: string,
  ): Promise<void> {
    try {
      const renewed = await this.passwords.hash(password, ASKER, 'guess');
      // Written before the row: a request that reads the new hash in the row must also find this mark.
      await this.redis.set(keyOf(id, encoded, renewed), 1, 'EX', REMEMBERED_S);
      // Does nothing if the password was changed in the meantime.
      const { affected } = await this.users.update({ id, password: encoded }, { password: renewed });
      if (affected) this.logger.log('Password hash renewed', { requestId, userId: id });
    } catch (error) {
      // The login is valid anyway, and the next one tries again.
      const cause = (error as Error).name;
      this.logger.warn('Password hash not renewed', { requestId, userId: id, cause });
    }
  }
}

/**
 * A key for each renewal: two servers may renew one hash at once, and only one of the two new hashes is stored. The
 * hashes are digested, because Redis must not store password hashes.
 */
function keyOf(id: number, before: string, now: string): string {
  const digest = createHash('sha256').update(`${before} ${now}`).digest('base64url');
  return `qq:renewed_hash:${id}:${digest}`;
}
