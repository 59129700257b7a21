import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { EntityManager, In, LessThan, Repository } from 'typeorm';
import { Config } from '../config/config.js';
import { AccountEvent } from './account-event.entity.js';
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

  /** When this QQ last logged in to the account. One index look-up, however long the history is. */
  async lastLogin(userId: number, openid: string): Promise<Date | null> {
    const last = await this.events.findOne({
      select: { id: true, at: true },
      where: { userId, openidHash: In(this.rows.hashesOf(openid)), event: 'logged_in' },
      order: { id: 'DESC' },
    });
    return last?.at ?? null;
  }
}
