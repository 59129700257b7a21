import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { Login } from '../auth/token.service.js';
import { Account } from './users.service.js';

export class IntrospectDto {
  @ApiProperty({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…', description: '登录令牌' })
  @Matches(/^[^]{1,4096}$/, { message: '缺少token' })
  readonly token: string;
}

/** The answer of RFC 7662, section 2.2. For an invalid token it has only `active: false`. */
export class Introspection {
  @ApiProperty({ example: true }) readonly active: boolean;
  @ApiPropertyOptional({ example: '1', description: '账号编号' }) readonly sub?: string;
  @ApiPropertyOptional({ example: 'xiaoming_2026' }) readonly username?: string;
  @ApiPropertyOptional({ example: 1_764_000_000, description: '到期时间，秒' }) readonly exp?: number;
  @ApiPropertyOptional({ example: 1_763_913_600, description: '签发时间，秒' }) readonly iat?: number;

  constructor(login: Login | undefined, account: Account | undefined) {
    this.active = login !== undefined;
    if (!login) return;
    this.sub = String(login.userId);
    this.username = account?.username ?? login.username;
    this.exp = login.expiresAt;
    if (login.issuedAt !== undefined) this.iat = login.issuedAt;
  }
}
