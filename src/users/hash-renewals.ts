import { OnApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { PasswordHasher, PasswordOwner } from './password-hasher.js';
import { User } from './user.entity.js';

/** They share the share of one network, so that they never fill the queue. */
const ASKER = { network: 'hash renewals' };

/** Replaces weaker password hashes by ours, behind the answer of the login that showed the password. */
@Injectable()
export class HashRenewals implements OnApplicationShutdown {
  private readonly logger = new Logger(HashRenewals.name);
  /** By account, so that two logins at once cost one hash. */
  private readonly running = new Map<number, Promise<void>>();

  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly passwords: PasswordHasher,
  ) {}

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
      // Unless it was changed in the meantime.
      const { affected } = await this.users.update({ id, password: encoded }, { password: renewed });
      if (affected) this.logger.log('Password hash renewed', { userId: id });
    } catch (error) {
      // The login stands, and the next one tries again.
      this.logger.warn('Password hash not renewed', { userId: id, cause: (error as Error).name });
    }
  }
}
