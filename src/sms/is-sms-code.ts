import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';

/** Documents and validates a DTO field as an SMS code. */
export const IsSmsCode = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ example: '246810', minLength: 6, maxLength: 6, description: '短信验证码' }),
    Matches(/^\d{6}$/, { message: '短信验证码应为6位数字' }),
  );
