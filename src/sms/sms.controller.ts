import { Body, Controller, Get, HttpCode, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { AcceptedUnlessCertain } from './accepted-unless-certain.interceptor.js';
import { ImageCodeHeader } from './image-code-header.interceptor.js';
import { ImageCodeService, Picture } from './image-code.service.js';
import { SmsCodeService } from './sms-code.service.js';
import { ImageCodeParams, SendSmsDto, SmsSent } from './sms.dto.js';

@ApiTags('短信验证码')
@Controller()
export class SmsController {
  constructor(
    private readonly imageCodes: ImageCodeService,
    private readonly smsCodes: SmsCodeService,
  ) {}

  @Get('image_codes/:id')
  @UseInterceptors(ImageCodeHeader)
  @ApiOperation({
    summary: '图形验证码',
    description:
      '一张PNG图片：四个字符，300秒有效，用一次即失效。沙箱中，响应头 `X-Image-Code` 给出图中文字。',
  })
  @ApiProduces('image/png')
  @ApiOkResponse({ content: { 'image/png': { schema: { type: 'string', format: 'binary' } } } })
  @AnswersProblems('REQUEST_INVALID', 'TOO_MANY_REQUESTS')
  async draw(@Param() { id }: ImageCodeParams, @FromClient() { network }: Client): Promise<Picture> {
    return this.imageCodes.draw(id, network);
  }

  @Post('sms_codes')
  @HttpCode(200)
  @ApiOperation({
    summary: '发送短信验证码',
    description: '先核对图形验证码，再向手机发送6位数字。无论该手机号是否已注册，回答都一样。',
  })
  @UseInterceptors(AcceptedUnlessCertain)
  @ApiOkResponse({ type: SmsSent })
  @ApiAcceptedResponse({ type: SmsSent, description: '网关收下了短信，但没有说结果：也许已送达' })
  @AnswersProblems('REQUEST_INVALID', 'IMAGE_CODE_INVALID', 'TOO_MANY_REQUESTS', 'SMS_UNAVAILABLE')
  async send(@Body() form: SendSmsDto, @FromClient() client: Client): Promise<SmsSent> {
    await this.imageCodes.redeem(form.image_code_id, form.image_code);
    return new SmsSent(await this.smsCodes.send(form.mobile, client));
  }
}
