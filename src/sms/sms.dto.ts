import { ApiProperty } from '@nestjs/swagger';
import { IsString, IsUUID, Length } from 'class-validator';
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
  @ApiProperty({ example: '13800138000', description: '手机号' })
  @IsMobile()
  readonly mobile: string;

  @ApiProperty({ example: '3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10', description: '图形验证码编号' })
  @IsUUID('all', { message: '图形验证码编号应为UUID' })
  readonly image_code_id: string;

  @ApiProperty({ example: 'K7PX', description: '图形验证码，不区分大小写', minLength: 4, maxLength: 4 })
  @IsString({ message: '请填写图形验证码' })
  @Length(4, 4, { message: '图形验证码应为4位' })
  readonly image_code: string;
}

/** The same body whatever is known of the message; only the status says. */
export class SmsSent {
  @ApiProperty({ example: '验证码已发送' }) readonly message: Sentence = '验证码已发送';
  @ApiProperty({ example: 300, description: '验证码有效秒数' }) readonly expires_in: number = SMS_CODE_TTL;
  @ApiProperty({ example: 60, description: '多少秒后可以重新发送' })
  readonly resend_after: number = SMS_RESEND_AFTER;
  /** Not on the wire. */
  readonly #delivery: Delivery;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  get certain(): boolean {
    return this.#delivery === 'accepted';
  }
}
