import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * An account: the shop's `tb_users`, with exactly Django's columns. They have no database defaults, so every column is
 * written here. The unique indexes on username and mobile decide which of two accounts was first.
 */
@Entity('tb_users')
export class User {
  @PrimaryGeneratedColumn() id: number;

  /** Encoded by PasswordHasher. Read only to compare a password. */
  @Column({ length: 128, select: false }) password: string;

  @Column({ name: 'last_login', type: 'datetime', precision: 6, nullable: true }) lastLogin: Date | null =
    null;
  @Column({ name: 'is_superuser', type: 'boolean' }) isSuperuser: boolean = false;
  @Column({ length: 150, unique: true }) username: string;
  @Column({ name: 'first_name', length: 30 }) firstName: string = '';
  @Column({ name: 'last_name', length: 30 }) lastName: string = '';
  @Column({ length: 254 }) email: string = '';
  @Column({ name: 'is_staff', type: 'boolean' }) isStaff: boolean = false;
  @Column({ name: 'is_active', type: 'boolean' }) isActive: boolean = true;

  /** UTC. */
  @Column({ name: 'date_joined', type: 'datetime', precision: 6 }) dateJoined: Date;

  @Column({ length: 11, unique: true }) mobile: string;
  @Column({ name: 'email_active', type: 'boolean' }) emailActive: boolean = false;
  @Column({ name: 'default_address_id', type: 'int', nullable: true }) defaultAddressId: number | null = null;
}
