import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsString, Matches, Max, Min } from 'class-validator';
import { MayBeMissing } from '../common/may-be-missing.js';
import { SignedInAccount } from '../auth/sign-ins.js';
import { IsMobile } from '../common/mobile.js';
import { IsSmsCode } from '../sms/is-sms-code.js';
import { ToInteger } from '../common/to-integer.js';
import { GIVEN_PASSWORD } from '../users/password-policy.js';
import { SignedIn, TermsVersion } from '../users/users.dto.js';

import { BoundQq } from './account-qqs.service.js';
import { UnboundLogin } from './qq-login.service.js';

const ACCESS_TOKEN = {
  example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…',
  description: '`GET /oauth/qq/users/` 给的绑定令牌',
};

export class AuthorizeQuery {
  @ApiPropertyOptional({
    example: '/cart.html',
    default: '/',
    description: '登录后前往的本站路径，不超过200字节',
  })
  @Transform(({ value }: { value: unknown }) => (value === '' || value === undefined ? '/' : value))
  @IsString({ message: '跳转地址应为一个路径' })
  readonly next: string = '/';

  /** Any value but `mobile` is ignored. */
  @ApiPropertyOptional({ enum: ['mobile'], description: '手机样式的QQ登录页' })
  @MayBeMissing()
  @Transform(({ value }: { value: unknown }) => (value === 'mobile' ? value : undefined))
  readonly display?: 'mobile';
}

export class CallbackQuery {
  @ApiProperty({ description: 'QQ给的授权码，32位十六进制' })
  @Matches(/^[\x21-\x7e]{1,512}$/, { message: '缺少QQ授权码' })
  readonly code: string;

  @ApiProperty({ description: 'QQ原样带回的state' })
  @Matches(/^[^]+$/, { message: '缺少state' })
  readonly state: string;
}

export class BindQqDto {
  @ApiProperty({ example: '13800138000', description: '手机号' })
  @IsMobile()
  readonly mobile: string;

  /** Accepts old passwords too. `refuseWeak` checks the password of a new account. */
  @ApiProperty({
    example: 'mysecret12',
    minLength: 1,
    maxLength: 128,
    description: '密码：已有账号的密码；新账号为8至20个字符',
  })
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password: string;

  @IsSmsCode()
  readonly sms_code: string;

  @ApiProperty(ACCESS_TOKEN)
  @Matches(/^[^]+$/, { message: '缺少access_token' })
  readonly access_token: string;

  @TermsVersion()
  readonly terms_version?: string;
}

export class AddQqDto {
  @ApiProperty(ACCESS_TOKEN)
  @Matches(/^[^]+$/, { message: '缺少access_token' })
  readonly access_token: string;

  @ApiProperty({ example: 'mysecret12', description: '账号的密码' })
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password: string;

  @IsSmsCode()
  readonly sms_code: string;
}

export class BindingParams {
  @ApiProperty({ example: 1 })
  @ToInteger()
  @IsInt({ message: '编号应为整数' })
  @Min(1, { message: '编号应为正数' })
  @Max(2_147_483_647, { message: '编号过大' })
  readonly id: number;
}

export class UnbindDto {
  @ApiProperty({ example: 'mysecret12', description: '账号的密码' })
  @Matches(GIVEN_PASSWORD, { message: '请输入密码' })
  readonly password: string;
}

export class LoginStarted {
  @ApiProperty({ example: 'https://graph.qq.com/oauth2.0/authorize?…', description: '让浏览器前往这个地址' })
  readonly login_url: string;

  constructor(loginUrl: string) {
    this.login_url = loginUrl;
  }
}

export class QqSignedIn extends SignedIn {
  @ApiProperty({ example: '/cart.html' }) readonly next: string;

  constructor(signedIn: SignedInAccount, next: string) {
    super(signedIn);
    this.next = next;
  }
}

export class NeedsBinding {
  @ApiProperty(ACCESS_TOKEN) readonly access_token: string;
  @ApiProperty({ example: 3600, description: '绑定令牌有效的秒数' }) readonly expires_in: number;
  @ApiProperty({ example: '/cart.html' }) readonly next: string;

  @ApiPropertyOptional({ example: '小明', description: 'QQ昵称，只在 `QQ_PROFILE=true` 时' })
  readonly nickname?: string;

  @ApiPropertyOptional({
    example: 'https://thirdqq.qlogo.cn/…',
    description: 'QQ头像，只在 `QQ_PROFILE=true` 时',
  })
  readonly avatar?: string;

  constructor({ bindToken, next, nickname, avatar }: UnboundLogin, expiresIn: number) {
    this.access_token = bindToken;
    this.expires_in = expiresIn;
    this.next = next;
    if (nickname) this.nickname = nickname;
    if (avatar) this.avatar = avatar;
  }
}

export class BindingAnswer {
  @ApiProperty({ example: 1 }) readonly id: number;
  @ApiProperty({ example: '2026-11-22T08:00:00.000Z', description: 'UTC' }) readonly bound_at: string;
  @ApiProperty({ example: null, nullable: true, type: String, description: 'UTC' }) readonly last_login_at:
    string | null;
  @ApiProperty({ example: '****3F2A', description: 'openid的末四位' }) readonly openid_hint: string;

  @ApiProperty({ example: '小明', nullable: true, type: String, description: '绑定时的QQ昵称' })
  readonly nickname: string | null;

  constructor({ id, boundAt, lastLoginAt, openidHint, nickname }: BoundQq) {
    this.id = id;
    this.bound_at = boundAt.toISOString();
    this.last_login_at = lastLoginAt?.toISOString() ?? null;
    this.openid_hint = openidHint;
    this.nickname = nickname;
  }
}
