import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { AuditRefusals } from '../audit/refusals.js';
import { CurrentLogin } from '../auth/auth.guard.js';
import { LoggedIn } from '../auth/logged-in.js';
import { Login } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { AccountQqsService, newlyBound } from './account-qqs.service.js';
import { AddQqService } from './add-qq.service.js';
import { Browser } from './browser-cookie.js';
import { AddQqDto, BindingAnswer, BindingParams, UnbindDto } from './oauth.dto.js';

@ApiTags('绑定的QQ')
@LoggedIn()
@Controller('oauth/qq/bindings')
export class BindingsController {
  constructor(
    private readonly adding: AddQqService,
    private readonly qqs: AccountQqsService,
  ) {}

  @Get()
  @ApiOperation({ summary: '绑定的QQ列表', description: '这个账号的QQ，先绑定的在前。' })
  @ApiOkResponse({ type: [BindingAnswer] })
  @AnswersProblems('TOO_MANY_REQUESTS')
  async list(@CurrentLogin() { userId }: Login): Promise<BindingAnswer[]> {
    return (await this.qqs.list(userId)).map((qq) => new BindingAnswer(qq));
  }

  @Post()
  @AuditRefusals('password')
  @ApiOperation({
    summary: '再绑定一个QQ',
    description:
      '已登录的人再绑定一个QQ：密码，加上发到账号自己手机的短信验证码。`access_token` 来自同一浏览器的QQ登录。',
  })
  @ApiCreatedResponse({ type: BindingAnswer })
  @AnswersProblems(
    'REQUEST_INVALID',
    'BIND_TOKEN_INVALID',
    'SMS_CODE_INVALID',
    'PASSWORD_INVALID',
    'QQ_ALREADY_BOUND',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async add(
    @CurrentLogin() login: Login,
    @Body() { access_token: bindToken, password, sms_code: smsCode }: AddQqDto,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<BindingAnswer> {
    const request = { login, password, smsCode, bindToken, browser, client };
    return new BindingAnswer(newlyBound(await this.adding.add(request)));
  }

  @Delete(':id')
  @HttpCode(204)
  @AuditRefusals('password')
  @ApiOperation({ summary: '解绑QQ', description: '需要密码。此前签发的登录令牌全部失效，请重新登录。' })
  @ApiNoContentResponse()
  @AnswersProblems('REQUEST_INVALID', 'PASSWORD_INVALID', 'NOT_FOUND', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async unbind(
    @Param() { id }: BindingParams,
    @CurrentLogin() login: Login,
    @Body() { password }: UnbindDto,
    @FromClient() client: Client,
  ): Promise<void> {
    await this.qqs.unbind(id, login, password, client);
  }
}
