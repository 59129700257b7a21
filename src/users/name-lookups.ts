import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { User } from './user.entity.js';

/** Whether a name or a mobile is taken: the old shop's pages ask before they register. Limited, because it tells. */
@Injectable()
export class NameLookups {
  constructor(
    private readonly limits: Limits,
    @InjectRepository(User) private readonly users: Repository<User>,
  ) {}

  /**
   * 1 where an account has it, else 0.
   * @throws Problem TOO_MANY_REQUESTS
   */
  async count(name: { username: string } | { mobile: string }, { network }: Client): Promise<number> {
    await this.limits.take({ 'name-lookups-per-ip': network });
    return this.users.countBy(name);
  }
}
