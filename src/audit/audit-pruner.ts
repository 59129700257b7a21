import { Injectable, Logger, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { Config } from '../config/config.js';
import { WORKER_NUMBER } from '../config/worker.js';
import { AccountEvent } from './account-event.entity.js';

const PRUNE_EVERY_MS = 60_000;
const ROWS_PER_STATEMENT = 500;
/** Together more rows than a busy shop adds in PRUNE_EVERY_MS, so that no event stays longer than `AUDIT_DAYS`. */
const STATEMENTS_PER_RUN = 100;
const DAY_MS = 86_400_000;

/** Removes events older than `AUDIT_DAYS`. Each DELETE is small, so that none locks the table for long. */
@Injectable()
export class AuditPruner implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(AuditPruner.name);
  private timer: NodeJS.Timeout | undefined;
  private running = false;

  constructor(
    @InjectRepository(AccountEvent) private readonly events: Repository<AccountEvent>,
    private readonly config: Config,
  ) {}

  onModuleInit(): void {
    // One worker of the machine prunes for all of them.
    if (WORKER_NUMBER > 1) return;
    this.timer = setInterval(() => void this.prune(), PRUNE_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async prune(): Promise<void> {
    if (this.running) return;
    this.running = true;
    const at = LessThan(new Date(Date.now() - this.config.AUDIT_DAYS * DAY_MS));
    try {
      for (let statement = 0; statement < STATEMENTS_PER_RUN; statement++) {
        const old = await this.events.find({
          select: { id: true },
          where: { at },
          order: { at: 'ASC' },
          take: ROWS_PER_STATEMENT,
        });
        if (old.length > 0) await this.events.delete(old.map(({ id }) => id));
        if (old.length < ROWS_PER_STATEMENT) return;
      }
    } catch (error) {
      this.logger.error('Audit trail not pruned', { cause: (error as Error).name });
    } finally {
      this.running = false;
    }
  }
}
