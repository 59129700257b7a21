import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, IsUUID, Length } from 'class-validator';
import { MayBeMissing } from '../common/may-be-missing.js';
import { IsMobile } from '../common/mobile.js';
import type { Sentence } from '../common/sentences.js';
import { SMS_RESEND_AFTER } from './sms-code.service.js';
import { SMS_CODE_TTL } from './sms-code-store.js';
import { Delivery } from './sms-gateway.js';

export class ImageCodeParams {
  @ApiProperty({ example: '3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10', description: '页面生成的UUID' })
  @IsUUID('all', { message: '图形验证码编号应为UUID' })
  readonly id: string;
}

export class SendSmsDto {
  @ApiPropertyOptional({
    example: '13800138000',
    description: '手机号；已登录的人可以不填，发到账号自己的手机',
  })
  @MayBeMissing()
  @IsMobile()
  readonly mobile?: string;

  @ApiPropertyOptional({
    description: '`GET /human_checks/` 的解答：ALTCHA组件给出的base64文本；与图形验证码二选一',
    maxLength: 4096,
  })
  @MayBeMissing()
  @IsString({ message: '请完成人机验证' })
  @Length(1, 4096, { message: '请完成人机验证' })
  readonly altcha?: string;

  @ApiPropertyOptional({ example: '3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10', description: '图形验证码编号' })
  @MayBeMissing()
  @IsUUID('all', { message: '图形验证码编号应为UUID' })
  readonly image_code_id?: string;

  @ApiPropertyOptional({
    example: 'K7PX',
    description: '图形验证码，不区分大小写',
    minLength: 4,
    maxLength: 4,
  })
  @MayBeMissing()
  @IsString({ message: '请输入图形验证码' })
  @Length(4, 4, { message: '图形验证码应为4个字符' })
  readonly image_code?: string;
}

class ChallengeParameters {
  @ApiProperty({ example: 'PBKDF2/SHA-256' }) readonly algorithm: string;
  @ApiProperty() readonly nonce: string;
  @ApiProperty() readonly salt: string;
  @ApiProperty({ example: 2000, description: '每次尝试的PBKDF2轮数' }) readonly cost: number;
  @ApiProperty({ example: 32, description: '密钥字节数' }) readonly keyLength: number;
  @ApiProperty({ description: '密钥应以此开头' }) readonly keyPrefix: string;
  @ApiProperty({ description: '正确密钥的签名' }) readonly keySignature?: string;
  @ApiProperty({ description: '到期时刻：Unix秒' }) readonly expiresAt?: number;
}

/** ALTCHA's format, version 2. */
export class HumanChallenge {
  @ApiProperty({ type: ChallengeParameters }) readonly parameters: ChallengeParameters;
  @ApiProperty() readonly signature?: string;
}

/** The body is the same for both outcomes. Only the status shows whether the gateway confirmed the message. */
export class SmsSent {
  @ApiProperty({ example: '验证码已发送' }) readonly message: Sentence = '验证码已发送';
  @ApiProperty({ example: 300, description: '验证码有效秒数' }) readonly expires_in: number = SMS_CODE_TTL;
  @ApiProperty({ example: 60, description: '多少秒后可以重新发送' })
  readonly resend_after: number = SMS_RESEND_AFTER;
  /** Not sent to the client. */
  readonly #delivery: Delivery;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  get certain(): boolean {
    return this.#delivery === 'accepted';
  }
}
