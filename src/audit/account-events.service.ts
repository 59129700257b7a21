import { createHmac } from 'node:crypto';
import { Injectable, Logger, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { EntityManager, In, IsNull, LessThan, Not, Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { Config } from '../config/config.js';
import { AccountEvent } from './account-event.entity.js';

/** What can happen to an account. */
export type EventName =
  'registered' | 'bound' | 'unbound' | 'password_changed' | 'signed_out_everywhere' | 'logged_in' | 'refused';

/** By which door. */
export type Via = 'qq' | 'password' | 'sms';

export interface Happening {
  readonly event: EventName;
  readonly client: Client;
  readonly userId?: number | undefined;
  readonly via?: Via;
  /** Why it was refused: an `errorCode`. */
  readonly reason?: string;
  /** Kept as a keyed hash only. */
  readonly openid?: string | undefined;
}

/** Milliseconds until what was noted is written. */
const WRITE_EVERY = 500;
/** What is kept in memory while the database is away; beyond it the oldest is lost, and the log says so. */
const MOST_NOTED = 20_000;
const ROWS_A_STATEMENT = 500;
const PRUNE_EVERY = 60_000;
/** More than a busy shop adds in that time, so that the trail does not outgrow its days. */
const STEPS_A_PRUNING = 100;
const DAY = 86_400_000;
const USER_AGENT_LENGTH = 200;

/** The audit trail: what happened to accounts, in `tb_account_event`, append-only. */
@Injectable()
export class AccountEvents implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(AccountEvents.name);
  private readonly key: Buffer;
  private noted: Partial<AccountEvent>[] = [];
  /** Events that found no room, since the log last said so. */
  private lost = 0;
  private writing: Promise<void> = Promise.resolve();
  private timers: NodeJS.Timeout[] = [];

  constructor(
    @InjectRepository(AccountEvent) private readonly events: Repository<AccountEvent>,
    private readonly config: Config,
  ) {
    this.key = config.keyFor('audit openid');
  }

  onModuleInit(): void {
    this.timers = [
      setInterval(() => void this.flush(), WRITE_EVERY).unref(),
      setInterval(() => void this.prune(), PRUNE_EVERY).unref(),
    ];
  }

  /** When the last request has been answered, and the database is still there: global modules end last. */
  async onApplicationShutdown(): Promise<void> {
    this.timers.forEach(clearInterval);
    await this.flush();
  }

  /** Writes what changes an account in the transaction that changes it: one statement. */
  async record(happenings: readonly Happening[], tx: EntityManager): Promise<void> {
    await tx
      .createQueryBuilder()
      .insert()
      .into(AccountEvent)
      .values(happenings.map((one) => this.rowOf(one)))
      .updateEntity(false)
      .execute();
  }

  /** Notes what changes nothing (a login, a refusal); written behind, so that it costs the request no statement. */
  note(happening: Happening): void {
    this.noted.push(this.rowOf(happening));
    if (this.noted.length <= MOST_NOTED) return;
    this.noted.shift();
    this.lost += 1;
  }

  /** The account's own events, newest first; `before` is the id that the page before ended with. */
  async list(userId: number, limit: number, before?: number): Promise<AccountEvent[]> {
    return this.events.find({
      where: { userId, ...(before !== undefined && { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit,
    });
  }

  /** When each QQ of the account last logged in, by the keyed hash of its openid. */
  async lastLogins(userId: number): Promise<Map<string, Date>> {
    const rows = await this.events
      .createQueryBuilder('event')
      .select('MAX(event.id)', 'id')
      .where({ userId, openidHash: Not(IsNull()), event: 'logged_in' })
      .groupBy('event.openidHash')
      .getRawMany<{ id: number }>();
    const latest = await this.events.findBy({ id: In(rows.map(({ id }) => id)) });
    return new Map(latest.map(({ openidHash, at }) => [openidHash ?? '', at]));
  }

  /** What the trail knows a QQ by: nobody who reads the trail learns an openid. */
  hashOf(openid: string): string {
    return createHmac('sha256', this.key).update(openid).digest('hex');
  }

  /** Writes what has been noted; what cannot be written now stays noted. */
  async flush(): Promise<void> {
    this.writing = this.writing.then(() => this.write());
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.noted.length > 0) {
      const rows = this.noted.splice(0, ROWS_A_STATEMENT);
      try {
        await this.events.createQueryBuilder().insert().values(rows).updateEntity(false).execute();
      } catch (error) {
        this.noted.unshift(...rows);
        this.logger.error('Audit trail not written, kept for later', {
          events: this.noted.length,
          lost: this.lost,
          cause: (error as Error).name,
        });
        return;
      }
    }
  }

  /** Removes what is older than `AUDIT_DAYS`, a little at a time, so that no delete holds the table. */
  private async prune(): Promise<void> {
    const at = LessThan(new Date(Date.now() - this.config.AUDIT_DAYS * DAY));
    try {
      for (let step = 0; step < STEPS_A_PRUNING; step++) {
        const old = await this.events.find({
          select: { id: true },
          where: { at },
          order: { at: 'ASC' },
          take: ROWS_A_STATEMENT,
        });
        if (old.length > 0) await this.events.delete(old.map(({ id }) => id));
        if (old.length < ROWS_A_STATEMENT) return;
      }
    } catch (error) {
      this.logger.error('Audit trail not pruned', { cause: (error as Error).name });
    }
  }

  private rowOf({ event, client, userId, via, reason, openid }: Happening): Partial<AccountEvent> {
    return {
      at: new Date(),
      userId: userId ?? null,
      event,
      via: via ?? null,
      reason: reason ?? null,
      openidHash: openid === undefined ? null : this.hashOf(openid),
      ip: client.ip.slice(0, 45),
      userAgent: client.userAgent.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, USER_AGENT_LENGTH),
      requestId: client.requestId,
    };
  }
}
