import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { User } from './user.entity.js';

/**
 * Whether a username or mobile is taken: the old shop's pages ask before they register. Limited, because it reveals
 * accounts.
 */
@Injectable()
export class NameLookups {
  constructor(
    private readonly limits: Limits,
    @InjectRepository(User) private readonly users: Repository<User>,
  ) {}

  /**
   * 1 if an account has it, otherwise 0.
   * @throws Problem TOO_MANY_REQUESTS
   */
  async count(name: { username: string } | { mobile: string }, { network }: Client): Promise<number> {
    await this.limits.take({ 'name-lookups-per-ip': network });
    return this.users.countBy(name);
  }
}
