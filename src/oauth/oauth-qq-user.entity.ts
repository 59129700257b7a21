import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { User } from '../users/user.entity.js';

/**
 * A QQ bound to an account: the shop's `tb_oauth_qq`. One account may have several; one QQ has one account, and
 * the unique indexes are the truth about that, not any check before them.
 */
@Entity('tb_oauth_qq')
export class OAuthQQUser {
  @PrimaryGeneratedColumn() id: number;

  /** UTC. */
  @Column({ name: 'create_time', type: 'datetime', precision: 6 }) createTime: Date;

  /** UTC. */
  @Column({ name: 'update_time', type: 'datetime', precision: 6 }) updateTime: Date;

  /** One per (app id, QQ): 32 upper-case hex. */
  @Index('tb_oauth_qq_openid_uniq', { unique: true })
  @Column({ length: 64 })
  openid: string;

  /** One per QQ for all apps of a developer; null where unknown, or where another row of the account holds it. */
  @Index('tb_oauth_qq_unionid_uniq', { unique: true })
  @Column({ type: 'varchar', length: 64, nullable: true })
  unionid: string | null = null;

  @Column({ name: 'user_id', type: 'int' }) userId: number;

  @ManyToOne(() => User)
  @JoinColumn({ name: 'user_id' })
  user: User;
}
