import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Matches, Max, Min } from 'class-validator';
import { MayBeMissing } from '../common/may-be-missing.js';
import { IsMobile, maskMobile } from '../common/mobile.js';
import type { Sentence } from '../common/sentences.js';
import { ToInteger } from '../common/to-integer.js';
import { IsSmsCode } from '../sms/is-sms-code.js';
import { AccountEvent } from '../audit/account-event.entity.js';
import { GIVEN_PASSWORD, IsPassword } from './password-policy.js';
import { SignedInAccount } from '../auth/sign-ins.js';
import { Account } from './users.service.js';

/**
 * Without 4-byte characters, which break a WHERE on the old shop's utf8mb3 tables, and without invisible characters.
 */
const NAME = /^[^\p{C}\u{10000}-\u{10ffff}]{1,150}$/u;
const PASSWORD = { example: 'mysecret12', minLength: 8, maxLength: 20, description: '密码' };

/** A field of every form that may open an account. */
export const TermsVersion = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      example: '2026-11',
      description: '同意的用户协议版本：设了 `TERMS_VERSION` 时，新账号需要',
    }),
    MayBeMissing(),
    Matches(/^[\w.-]{1,32}$/, { message: '协议版本格式不正确' }),
  );

export class RegisterDto {
  @ApiProperty({ example: 'xiaoming_2026', minLength: 5, maxLength: 20, description: '用户名' })
  @Matches(/^(?!1[3-9]\d{9}$)\w{5,20}$/, { message: '用户名应为5至20个字母、数字或下划线，且不能是手机号' })
  readonly username: string;

  @ApiProperty(PASSWORD)
  @IsPassword()
  readonly password: string;

  @ApiProperty({ example: '13800138000', description: '手机号' })
  @IsMobile()
  readonly mobile: string;

  @IsSmsCode()
  readonly sms_code: string;

  @TermsVersion()
  readonly terms_version?: string;
}

export class SmsLoginDto {
  @ApiProperty({ example: '13800138000', description: '手机号' })
  @IsMobile()
  readonly mobile: string;

  @IsSmsCode()
  readonly sms_code: string;

  @TermsVersion()
  readonly terms_version?: string;
}

export class ChangeMobileDto {
  @ApiPropertyOptional({ ...PASSWORD, minLength: 1, maxLength: 128, description: '密码；没有密码的账号不填' })
  @MayBeMissing()
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password?: string;

  @ApiProperty({ example: '13900139000', description: '新手机号' })
  @IsMobile()
  readonly mobile: string;

  @IsSmsCode()
  readonly sms_code: string;
}

export class CloseAccountDto {
  @ApiPropertyOptional({ ...PASSWORD, minLength: 1, maxLength: 128, description: '密码；没有密码的账号不填' })
  @MayBeMissing()
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password?: string;

  @IsSmsCode()
  readonly sms_code: string;
}

export class LoginDto {
  @ApiProperty({ example: '13800138000', description: '用户名或手机号', maxLength: 150 })
  @Matches(NAME, { message: '请输入用户名或手机号' })
  readonly username: string;

  @ApiProperty({ ...PASSWORD, minLength: 1, maxLength: 128 })
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password: string;
}

export class ChangePasswordDto {
  @ApiProperty({ ...PASSWORD, minLength: 1, maxLength: 128, description: '当前密码' })
  @Matches(GIVEN_PASSWORD, { message: '请输入当前密码' })
  readonly old_password: string;

  @ApiProperty({ ...PASSWORD, example: 'mysecret34', description: '新密码' })
  @IsPassword()
  readonly new_password: string;
}

export class ResetPasswordDto {
  @ApiProperty({ example: '13800138000', description: '手机号' })
  @IsMobile()
  readonly mobile: string;

  @IsSmsCode()
  readonly sms_code: string;

  @ApiProperty({ ...PASSWORD, description: '新密码' })
  @IsPassword()
  readonly password: string;
}

export class EventsQuery {
  @ApiPropertyOptional({ example: 20, minimum: 1, maximum: 100, default: 20, description: '最多返回几条' })
  @MayBeMissing()
  @ToInteger()
  @IsInt({ message: 'limit应为整数' })
  @Min(1, { message: 'limit至少为1' })
  @Max(100, { message: 'limit最多为100' })
  readonly limit: number = 20;

  @ApiPropertyOptional({ example: 1000, minimum: 1, description: '只返回此编号之前的' })
  @MayBeMissing()
  @ToInteger()
  @IsInt({ message: 'before应为整数' })
  @Min(1, { message: 'before至少为1' })
  @Max(Number.MAX_SAFE_INTEGER, { message: 'before过大' })
  readonly before?: number;
}

/** The answer to a login. */
export class SignedIn {
  @ApiProperty({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…', description: '登录令牌' })
  readonly token: string;
  @ApiProperty({ example: 1 }) readonly user_id: number;
  @ApiProperty({ example: '13800138000' }) readonly username: string;

  constructor({ token, account: { id, username } }: SignedInAccount) {
    this.token = token;
    this.user_id = id;
    this.username = username;
  }
}

export class Registered {
  @ApiProperty({ example: 1 }) readonly id: number;
  @ApiProperty({ example: 'xiaoming_2026' }) readonly username: string;
  @ApiProperty({ example: '138****8000' }) readonly mobile: string;
  @ApiProperty({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…', description: '登录令牌' })
  readonly token: string;

  constructor({ token, account: { id, username, mobile } }: SignedInAccount<Account>) {
    this.id = id;
    this.username = username;
    this.mobile = maskMobile(mobile);
    this.token = token;
  }
}

/** An account as its owner sees it. */
export class Me {
  @ApiProperty({ example: 1 }) readonly id: number;
  @ApiProperty({ example: 'xiaoming_2026' }) readonly username: string;
  @ApiProperty({ example: '138****8000', description: '手机号，中间四位隐去' }) readonly mobile: string;
  @ApiProperty({ example: '' }) readonly email: string;
  @ApiProperty({ example: false }) readonly email_active: boolean;

  constructor({ id, username, mobile, email, emailActive }: Account) {
    this.id = id;
    this.username = username;
    this.mobile = maskMobile(mobile);
    this.email = email;
    this.email_active = emailActive;
  }
}

export class Done {
  @ApiProperty({ example: '密码已修改' }) readonly message: string;

  constructor(message: Sentence) {
    this.message = message;
  }
}

export class EventAnswer {
  @ApiProperty({ example: 42 }) readonly id: number;
  @ApiProperty({ example: '2026-11-22T08:00:00.000Z', description: 'UTC' }) readonly at: string;
  @ApiProperty({ example: 'logged_in' }) readonly event: string;
  @ApiProperty({ example: 'qq', nullable: true, type: String }) readonly via: string | null;
  @ApiProperty({ example: '203.0.113.7', nullable: true, type: String }) readonly ip: string | null;
  @ApiProperty({ example: 'Mozilla/5.0', nullable: true, type: String }) readonly user_agent: string | null;

  constructor({ id, at, event, via, ip, userAgent }: AccountEvent) {
    this.id = id;
    this.at = at.toISOString();
    this.event = event;
    this.via = via;
    this.ip = ip;
    this.user_agent = userAgent;
  }
}
