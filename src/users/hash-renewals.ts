import { createHash } from 'node:crypto';
import { OnApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Redis } from 'ioredis';
import { Repository } from 'typeorm';
import { PasswordHasher, PasswordOwner } from './password-hasher.js';
import { User } from './user.entity.js';

/** They share the share of one network, so that they never fill the queue. */
const ASKER = { network: 'hash renewals' };

/** Seconds that a renewal is remembered: longer than any request waits for a hash. */
const REMEMBERED_S = 60;

/** Replaces weaker password hashes by ours, behind the answer of the login that showed the password. */
@Injectable()
export class HashRenewals implements OnApplicationShutdown {
  private readonly logger = new Logger(HashRenewals.name);
  /** By account, so that two logins at once cost one hash. */
  private readonly running = new Map<number, Promise<void>>();

  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly passwords: PasswordHasher,
    private readonly redis: Redis,
  ) {}

  /** Whether `now` encodes the same password as `before` did: a renewal is no change of the password. */
  async isRenewal(id: number, before: string, now: string): Promise<boolean> {
    return (await this.redis.get(keyOf(id))) === markOf(before, now);
  }

  /** Renews the hash of a password that has just been shown to be right. */
  renewLater(account: PasswordOwner, password: string): void {
    if (this.running.has(account.id)) return;
    const renewal = this.renew(account, password).finally(() => this.running.delete(account.id));
    this.running.set(account.id, renewal);
  }

  /** Global modules end last: the database is still there. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private async renew({ id, password: encoded }: PasswordOwner, password: string): Promise<void> {
    try {
      const renewed = await this.passwords.hash(password, ASKER, 'guess');
      // Before the row, so that whoever finds the new hash in the row finds this too.
      await this.redis.set(keyOf(id), markOf(encoded, renewed), 'EX', REMEMBERED_S);
      // Unless it was changed in the meantime.
      const { affected } = await this.users.update({ id, password: encoded }, { password: renewed });
      if (affected) this.logger.log('Password hash renewed', { userId: id });
    } catch (error) {
      // The login stands, and the next one tries again.
      this.logger.warn('Password hash not renewed', { userId: id, cause: (error as Error).name });
    }
  }
}

const keyOf = (id: number): string => `qq:renewed_hash:${id}`;

/** A digest: Redis does not hold hashes of passwords. */
const markOf = (before: string, now: string): string =>
  createHash('sha256').update(`${before} ${now}`).digest('base64url');
