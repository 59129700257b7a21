import { Transform } from 'class-transformer';
import { IsString, IsUUID, Matches } from 'class-validator';
import { MayBeMissing } from '../common/may-be-missing.js';
import { SignedInAccount } from '../auth/sign-ins.js';
import { IsMobile, maskMobile } from '../common/mobile.js';
import { BindQqDto } from '../oauth/oauth.dto.js';
import { RegisterDto } from '../users/users.dto.js';

const LOCAL = { message: '跳转地址应为一个路径' };

/** Where to go after the login: one family of pages calls it `next`, the other `state`. */
export class LegacyLoginQuery {
  @MayBeMissing() @IsString(LOCAL) readonly next?: string;
  @MayBeMissing() @IsString(LOCAL) readonly state?: string;
}

export class LegacyCallbackQuery {
  @Matches(/^[\x21-\x7e]{1,512}$/, { message: '缺少QQ授权码' })
  readonly code: string;

  @Transform(({ value }: { value: unknown }) => (value === '' || value === undefined ? '/' : value))
  @IsString(LOCAL)
  readonly state: string = '/';
}

/** The course's registration form says `allow: "true"` when the box 同意用户协议 is ticked. */
export class LegacyRegisterDto extends RegisterDto {
  @MayBeMissing() readonly allow?: unknown;
}

export class LegacyBindDto extends BindQqDto {
  @MayBeMissing() readonly allow?: unknown;
}

export class LegacyMobile {
  @IsMobile() readonly mobile: string;
}

export class LegacyUsername {
  @Matches(/^[^\p{C}\u{10000}-\u{10ffff}]{1,150}$/u, { message: '请填写用户名或手机号' })
  readonly username: string;
}

/** The picture's text: one family of pages calls it `text`, the other `image_code`. */
export class LegacySmsQuery {
  @IsUUID('all', { message: '图形验证码编号应为UUID' })
  readonly image_code_id: string;

  @MayBeMissing() @IsString({ message: '请填写图形验证码' }) readonly text?: string;
  @MayBeMissing() @IsString({ message: '请填写图形验证码' }) readonly image_code?: string;
}

/** A login with all the names that the old pages read. */
export class LegacySignedIn {
  readonly token: string;
  readonly user_id: number;
  readonly id: number;
  readonly username: string;

  constructor({ token, account: { id, username } }: SignedInAccount) {
    this.token = token;
    this.user_id = id;
    this.id = id;
    this.username = username;
  }
}

/** What registering answers, with the names of both. */
export class LegacyRegistered extends LegacySignedIn {
  /** Masked. */
  readonly mobile: string;

  constructor(signedIn: SignedInAccount, mobile: string) {
    super(signedIn);
    this.mobile = maskMobile(mobile);
  }
}
