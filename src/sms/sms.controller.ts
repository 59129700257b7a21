import { Body, Controller, Get, HttpCode, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { AcceptedUnlessCertain } from './accepted-unless-certain.interceptor.js';
import { ImageCodeHeader } from './image-code-header.interceptor.js';
import { ImageCodeService, Picture } from './image-code.service.js';
import { ProofOfWork } from './proof-of-work.js';
import { SmsCodeService } from './sms-code.service.js';
import { HumanChallenge, ImageCodeParams, SendSmsDto, SmsSent } from './sms.dto.js';

@ApiTags('短信验证码')
@Controller()
export class SmsController {
  constructor(
    private readonly imageCodes: ImageCodeService,
    private readonly proofOfWork: ProofOfWork,
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
  @AnswersProblems('REQUEST_INVALID', 'NOT_FOUND', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async draw(@Param() { id }: ImageCodeParams, @FromClient() client: Client): Promise<Picture> {
    return this.imageCodes.draw(id, client);
  }

  @Get('human_checks')
  @ApiOperation({
    summary: '人机验证题目',
    description:
      'ALTCHA的工作量证明：求出密钥以 `keyPrefix` 开头的计数值，把解答作为 `altcha` 交给 `POST /sms_codes/`。600秒有效，用一次即失效。',
  })
  @ApiOkResponse({ type: HumanChallenge })
  @AnswersProblems('NOT_FOUND', 'TOO_MANY_REQUESTS')
  async challenge(@FromClient() client: Client): Promise<HumanChallenge> {
    return this.proofOfWork.issue(client);
  }

  @Post('sms_codes')
  @HttpCode(200)
  @ApiOperation({
    summary: '发送短信验证码',
    description:
      '先核对人机验证（`altcha`，或 `image_code_id` 和 `image_code`），再向手机发送6位数字。无论该手机号是否已注册，回答都一样。',
  })
  @UseInterceptors(AcceptedUnlessCertain)
  @ApiOkResponse({ type: SmsSent })
  @ApiAcceptedResponse({ type: SmsSent, description: '网关收下了短信，但没有说结果：也许已送达' })
  @AnswersProblems(
    'REQUEST_INVALID',
    'IMAGE_CODE_INVALID',
    'HUMAN_CHECK_INVALID',
    'TOO_MANY_REQUESTS',
    'SMS_UNAVAILABLE',
  )
  async send(@Body() form: SendSmsDto, @FromClient() client: Client): Promise<SmsSent> {
    const { mobile, altcha, image_code_id: imageCodeId, image_code: imageCode } = form;
    return new SmsSent(await this.smsCodes.send(mobile, { altcha, imageCodeId, imageCode }, client));
  }
}
