import { Transform } from 'class-transformer';
import { IsString, IsUUID, Matches } from 'class-validator';
import { MayBeMissing } from '../common/may-be-missing.js';
import { SignedInAccount } from '../auth/sign-ins.js';
import { IsMobile, maskMobile } from '../common/mobile.js';
import { BindQqDto } from '../oauth/oauth.dto.js';
import { RegisterDto } from '../users/users.dto.js';

const LOCAL = { message: '跳转地址应为一个路径' };

/** The path to return to after the login: some pages call it `next`, others `state`. */
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

/** The old registration form sends `allow: "true"` when the box 同意用户协议 is ticked. */
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
  @Matches(/^[^\p{C}\u{10000}-\u{10ffff}]{1,150}$/u, { message: '请输入用户名或手机号' })
  readonly username: string;
}

/** The picture's text: some pages call it `text`, others `image_code`. */
export class LegacySmsQuery {
  @IsUUID('all', { message: '图形验证码编号应为UUID' })
  readonly image_code_id: string;

  @MayBeMissing() @IsString({ message: '请输入图形验证码' }) readonly text?: string;
  @MayBeMissing() @IsString({ message: '请输入图形验证码' }) readonly image_code?: string;
}

/** A login, under all the names that the old pages read. */
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

/** The answer to a registration, under the names that both families of pages read. */
export class LegacyRegistered extends LegacySignedIn {
  /** Masked. */
  readonly mobile: string;

  constructor(signedIn: SignedInAccount, mobile: string) {
    super(signedIn);
    this.mobile = maskMobile(mobile);
  }
}
