import { Injectable } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { AuditEvent } from '../audit/audit-event.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Login, TokenService } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Held, UsersService } from './users.service.js';

/** A change after which the account's older logins must not be valid. */
export interface Change {
  /** The proved state of the account. It must still be true. */
  readonly account: Held;
  /** The login that asks for the change. It must not have ended in the meantime. */
  readonly login?: Login;
  readonly event: Omit<AuditEvent, 'userId'>;
}

/** Runs changes that end logins: of password, mobile and QQs, closing, signing out. */
@Injectable()
export class AccountChanges {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tokens: TokenService,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * Locks the account, runs `work`, records the event and ends every login of the account, in one transaction. The
   * logins end twice. Before the commit: nothing changes while Redis is away. After the commit: someone may have logged
   * in with the old proof in between. They also end when the answer to the commit was lost, because the change may have
   * been committed.
   * @throws Problem what `UsersService.hold` throws; LOGIN_REQUIRED
   */
  async commit(change: Change, work: (tx: EntityManager) => Promise<void>): Promise<void> {
    let mayHaveCommitted = false;
    try {
      await this.dataSource.transaction(async (tx) => {
        await this.holdProof(change, tx);
        await work(tx);
        await this.trail.record([{ ...change.event, userId: change.account.id }], tx);
        await this.tokens.revokeAll(change.account.id);
        mayHaveCommitted = true;
      });
    } finally {
      if (mayHaveCommitted) await this.tokens.revokeAll(change.account.id);
    }
  }

  /**
   * Checks the proofs again under the account's row lock. The login too, because a sign-out locks the same row.
   * @throws Problem what `UsersService.hold` throws; LOGIN_REQUIRED
   */
  async holdProof({ account, login }: Pick<Change, 'account' | 'login'>, tx: EntityManager): Promise<void> {
    await this.users.hold(account, tx);
    if (login) await this.tokens.refuseEnded(login);
  }

  /** Ends every login of the account. */
  async signOutEverywhere(userId: number, client: Client): Promise<void> {
    const change = { account: { id: userId }, event: { event: 'signed_out_everywhere', client } } as const;
    await this.commit(change, async () => undefined);
  }
}
