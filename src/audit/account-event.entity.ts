import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** The index for the events of one QQ. */
export const BY_OPENID = 'tb_account_event_user_id_openid_hash';

/** What happened to an account. Rows are added, never changed; they outlive the account, so no foreign key. */
@Entity('tb_account_event')
@Index('tb_account_event_user_id_id', ['userId', 'id'])
@Index(BY_OPENID, ['userId', 'openidHash', 'id'])
export class AccountEvent {
  /** The column is a bigint. Declared as `int` here, because TypeORM reads a bigint as a string. */
  @PrimaryGeneratedColumn() id: number;

  /** UTC. */
  @Index('tb_account_event_at')
  @Column({ type: 'datetime', precision: 6 })
  at: Date;

  /** Null when the account is unknown, as for a refused login. */
  @Column({ name: 'user_id', type: 'int', nullable: true }) userId: number | null = null;

  @Column({ length: 32 }) event: string;
  @Column({ type: 'varchar', length: 16, nullable: true }) via: string | null = null;
  @Column({ type: 'varchar', length: 32, nullable: true }) reason: string | null = null;
  @Column({ name: 'openid_hash', type: 'varchar', length: 64, nullable: true }) openidHash: string | null =
    null;
  @Column({ type: 'varchar', length: 45, nullable: true }) ip: string | null = null;
  @Column({ name: 'user_agent', type: 'varchar', length: 256, nullable: true }) userAgent: string | null =
    null;
  @Column({ name: 'request_id', type: 'varchar', length: 64, nullable: true }) requestId: string | null =
    null;

  /** The version of the accepted terms, or the operator's name. */
  @Column({ type: 'varchar', length: 64, nullable: true }) detail: string | null = null;
}
