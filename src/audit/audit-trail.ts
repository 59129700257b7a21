import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { EntityManager, LessThan, Repository } from 'typeorm';
import { Config } from '../config/config.js';
import { AccountEvent, BY_OPENID } from './account-event.entity.js';
import { AuditEvent, AuditRows, insertRows } from './audit-event.js';

/** The audit trail: what happened to accounts, in `tb_account_event`. Rows are added, never changed. */
@Injectable()
export class AuditTrail {
  private readonly rows: AuditRows;

  constructor(
    @InjectRepository(AccountEvent) private readonly events: Repository<AccountEvent>,
    config: Config,
  ) {
    this.rows = new AuditRows(config);
  }

  /**
   * Writes events in the transaction that they describe. If a row cannot be written, the change is rolled back.
   * One or two events cost one statement.
   */
  async record(events: readonly AuditEvent[], tx: EntityManager): Promise<void> {
    await insertRows(
      tx,
      events.map((event) => this.rows.of(event)),
    );
  }

  /** The account's own events, newest first. `before` is the last id of the previous page. */
  async list(userId: number, limit: number, before?: number): Promise<AccountEvent[]> {
    return this.events.find({
      where: { userId, ...(before !== undefined && { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit,
    });
  }

  /** When this QQ last logged in to the account. One index look-up for each secret, whatever the number of events. */
  async lastLogin(userId: number, openid: string): Promise<Date | null> {
    const times = await Promise.all(this.rows.hashesOf(openid).map((hash) => this.lastLoginBy(userId, hash)));
    const known = times.filter((at) => at !== null).map(Number);
    return known.length > 0 ? new Date(Math.max(...known)) : null;
  }

  private async lastLoginBy(userId: number, openidHash: string): Promise<Date | null> {
    const query = this.events
      .createQueryBuilder('event')
      .select(['event.id', 'event.at'])
      .where({ userId, openidHash, event: 'logged_in' })
      .orderBy('event.id', 'DESC')
      .limit(1);
    // Without the hint, MySQL may choose an index for the order alone, and read every event of the account or of all
    // accounts. TypeORM writes the hint for MySQL only.
    const last = await query.useIndex(BY_OPENID).getOne();
    return last?.at ?? null;
  }
}
