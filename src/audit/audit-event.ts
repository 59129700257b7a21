import { createHmac } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { Client } from '../common/client.js';
import { Config } from '../config/config.js';
import { sqlTime } from '../database/insert-row.js';

/** What can happen to an account. */
export type EventName =
  | 'registered'
  | 'bound'
  | 'unbound'
  | 'password_changed'
  | 'mobile_changed'
  | 'signed_out_everywhere'
  | 'closed'
  | 'disabled'
  | 'enabled'
  | 'logged_in'
  | 'refused';

/** How a person proved who they are. */
export type Via = 'qq' | 'password' | 'sms';

/** One event, before it is a row. */
export interface AuditEvent {
  readonly event: EventName;
  readonly client: Client;
  readonly userId?: number | undefined;
  readonly via?: Via;
  /** Why it was refused: an `errorCode`. */
  readonly reason?: string;
  /** Stored as a keyed hash only. */
  readonly openid?: string | undefined;
  /** The version of the terms agreed to, or the operator's name; at most 64 characters. */
  readonly detail?: string | undefined;
}

/** The values of one row, in the order of COLUMNS. */
export type AuditRow = readonly (string | number | null)[];

const COLUMNS = 'at, user_id, event, via, reason, openid_hash, ip, user_agent, request_id, detail';
const PLACEHOLDERS = `(${COLUMNS.replaceAll(/\w+/g, '?')})`;
const USER_AGENT_LENGTH = 200;
/** The largest number of rows in one statement. */
const MOST_ROWS = 128;

/** Turns events into rows. Openids are hashed with a key of their own, so that a reader of the trail learns none. */
export class AuditRows {
  private readonly keys: Buffer[];

  constructor(config: Config) {
    this.keys = config.keysFor('audit openid');
  }

  of({ event, client, userId, via, reason, openid, detail }: AuditEvent): AuditRow {
    return [
      sqlTime(new Date()),
      userId ?? null,
      event,
      via ?? null,
      reason ?? null,
      openid === undefined ? null : this.hashesOf(openid)[0]!,
      client.ip.slice(0, 45),
      client.userAgent.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, USER_AGENT_LENGTH),
      client.requestId,
      detail ?? null,
    ];
  }

  /**
   * The keyed hashes of an openid in the trail (64 hex digits each): by the current secret, then by the previous one.
   */
  hashesOf(openid: string): string[] {
    return this.keys.map((key) => createHmac('sha256', key).update(openid).digest('hex'));
  }
}

/**
 * How many of `rows` one statement inserts: a power of two. The server then keeps few prepared statements, and half of
 * a refused batch is a power of two again.
 */
export function rowsPerStatement(rows: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(rows, MOST_ROWS)));
}

/** Inserts rows. A power of two of them takes one statement, so they are written together or not at all. */
export async function insertRows(manager: EntityManager, rows: readonly AuditRow[]): Promise<void> {
  for (let done = 0; done < rows.length;) {
    const size = rowsPerStatement(rows.length - done);
    const values = Array<string>(size).fill(PLACEHOLDERS).join(', ');
    await manager.query(
      `INSERT INTO tb_account_event (${COLUMNS}) VALUES ${values}`,
      rows.slice(done, done + size).flat(),
    );
    done += size;
  }
}
