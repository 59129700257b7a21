import { Body, Controller, Delete, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { AuthGuard, CurrentLogin } from '../auth/auth.guard.js';
import { Login } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { CurrentAccount } from '../users/active-account.pipe.js';
import { AuditRefusals } from '../audit/audited-refusals.interceptor.js';
import { Account } from '../users/users.service.js';
import { AccountQqsService } from './account-qqs.service.js';
import { Browser } from './browser-cookie.js';
import { AddQqDto, BindingAnswer, BindingParams, UnbindDto } from './oauth.dto.js';

@ApiTags('绑定的QQ')
@ApiBearerAuth()
@UseGuards(AuthGuard)
@Controller('oauth/qq/bindings')
export class BindingsController {
  constructor(private readonly qqs: AccountQqsService) {}

  @Get()
  @ApiOperation({ summary: '绑定了哪些QQ', description: '这个账号的QQ，先绑定的在前。' })
  @ApiOkResponse({ type: [BindingAnswer] })
  @AnswersProblems('LOGIN_REQUIRED')
  async list(@CurrentAccount() account: Account): Promise<BindingAnswer[]> {
    return (await this.qqs.list(account)).map((qq) => new BindingAnswer(qq));
  }

  @Post()
  @AuditRefusals('password')
  @ApiOperation({
    summary: '再绑定一个QQ',
    description: '已登录的人凭密码再绑定一个QQ，不用短信。`access_token` 来自同一浏览器的QQ登录。',
  })
  @ApiCreatedResponse({ type: BindingAnswer })
  @AnswersProblems(
    'REQUEST_INVALID',
    'BIND_TOKEN_INVALID',
    'PASSWORD_INVALID',
    'QQ_ALREADY_BOUND',
    'LOGIN_REQUIRED',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async add(
    @CurrentLogin() { userId }: Login,
    @Body() { access_token: bindToken, password }: AddQqDto,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<BindingAnswer> {
    return new BindingAnswer(await this.qqs.add({ userId, password, bindToken, browser, client }));
  }

  @Delete(':id')
  @HttpCode(204)
  @AuditRefusals('password')
  @ApiOperation({ summary: '解绑QQ', description: '需要密码。此前签发的登录令牌全部失效，请重新登录。' })
  @ApiNoContentResponse()
  @AnswersProblems(
    'REQUEST_INVALID',
    'PASSWORD_INVALID',
    'LOGIN_REQUIRED',
    'NOT_FOUND',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async unbind(
    @Param() { id }: BindingParams,
    @CurrentLogin() { userId }: Login,
    @Body() { password }: UnbindDto,
    @FromClient() client: Client,
  ): Promise<void> {
    await this.qqs.unbind(id, userId, password, client);
  }
}
