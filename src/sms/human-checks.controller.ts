import { Controller, Get, Param, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { ImageCodeHeader } from './image-code-header.interceptor.js';
import { ImageCodeService, Picture } from './image-code.service.js';
import { ProofOfWork } from './proof-of-work.js';
import { HumanChallenge, ImageCodeParams } from './sms.dto.js';

/** The challenges of the human checks that precede an SMS. */
@ApiTags('短信验证码')
@Controller()
export class HumanChecksController {
  constructor(
    private readonly imageCodes: ImageCodeService,
    private readonly proofOfWork: ProofOfWork,
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
}
