import { Body, Controller, HttpCode, Post, UseInterceptors } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiSecurity,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { GivenToken } from '../auth/auth.guard.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { AcceptedUnlessCertain } from '../sms/accepted-unless-certain.interceptor.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { SendSmsDto, SmsSent } from '../sms/sms.dto.js';
import { OwnMobiles } from './own-mobiles.js';

@ApiTags('短信验证码')
@Controller()
export class SmsCodesController {
  constructor(
    private readonly ownMobiles: OwnMobiles,
    private readonly smsCodes: SmsCodeService,
  ) {}

  @Post('sms_codes')
  @ApiBearerAuth()
  @ApiSecurity({})
  @HttpCode(200)
  @ApiOperation({
    summary: '发送短信验证码',
    description:
      '先核对人机验证（`altcha`，或 `image_code_id` 和 `image_code`），再向手机发送6位数字。已登录的人不填 `mobile`，就发到账号自己的手机。无论该手机号是否已注册，响应都一样。',
  })
  @UseInterceptors(AcceptedUnlessCertain)
  @ApiOkResponse({ type: SmsSent })
  @ApiAcceptedResponse({
    type: SmsSent,
    description: '网关收下了短信，但没有说明结果：可能会送达，验证码有效',
  })
  @AnswersProblems(
    'REQUEST_INVALID',
    'IMAGE_CODE_INVALID',
    'HUMAN_CHECK_INVALID',
    'LOGIN_REQUIRED',
    'TOO_MANY_REQUESTS',
    'SMS_UNAVAILABLE',
  )
  async send(
    @Body() form: SendSmsDto,
    @GivenToken() token: string | undefined,
    @FromClient() client: Client,
  ): Promise<SmsSent> {
    const { altcha, image_code_id: imageCodeId, image_code: imageCode } = form;
    const mobile = form.mobile ?? (await this.ownMobiles.of(token));
    return new SmsSent(await this.smsCodes.send(mobile, { altcha, imageCodeId, imageCode }, client));
  }
}
