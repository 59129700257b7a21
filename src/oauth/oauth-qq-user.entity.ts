import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { User } from '../users/user.entity.js';

/**
 * A QQ bound to an account: the shop's `tb_oauth_qq`. An account may have several QQs, a QQ has one account. The unique
 * indexes decide this, not any check before them.
 */
@Entity('tb_oauth_qq')
export class OAuthQQUser {
  @PrimaryGeneratedColumn() id: number;

  /** UTC. */
  @Column({ name: 'create_time', type: 'datetime', precision: 6 }) createTime: Date;

  /** UTC. */
  @Column({ name: 'update_time', type: 'datetime', precision: 6 }) updateTime: Date;

  /** One per app id and QQ: 32 upper-case hex digits. */
  @Index('tb_oauth_qq_openid_uniq', { unique: true })
  @Column({ length: 64 })
  openid: string;

  /**
   * One per QQ, for all apps of a developer. Null when unknown, or when another row of this QQ has it. The unique index
   * decides which of two simultaneous binds of one QQ wins.
   */
  @Index('tb_oauth_qq_unionid_uniq', { unique: true })
  @Column({ type: 'varchar', length: 64, nullable: true })
  unionid: string | null = null;

  /**
   * The same unionid on every row of this QQ, to find its rows of other app ids. Null when unknown, and on rows from a
   * version without this column, which may have only `unionid`.
   */
  @Index('tb_oauth_qq_qq_unionid')
  @Column({ name: 'qq_unionid', type: 'varchar', length: 64, nullable: true })
  qqUnionid: string | null = null;

  /** The QQ's nickname at the time of the bind. It may contain emoji. */
  @Column({ type: 'varchar', length: 64, nullable: true }) nickname: string | null = null;

  @Column({ name: 'user_id', type: 'int' }) userId: number;

  @ManyToOne(() => User)
  @JoinColumn({ name: 'user_id' })
  user: User;
}
