import { Body, Controller, Get, HttpCode, Post, Put, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AuthGuard, CurrentLogin } from '../auth/auth.guard.js';
import { Login, TokenService } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { AnswersProblems } from '../common/problem.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { CurrentAccount } from './active-account.pipe.js';
import { AuditRefusals } from '../audit/audited-refusals.interceptor.js';
import { CredentialsService } from './credentials.service.js';
import {
  ChangePasswordDto,
  Done,
  EventAnswer,
  EventsQuery,
  Me,
  Registered,
  RegisterDto,
  ResetPasswordDto,
} from './users.dto.js';
import { Account } from './users.service.js';

@ApiTags('账号')
@Controller()
export class UsersController {
  constructor(
    private readonly credentials: CredentialsService,
    private readonly events: AccountEvents,
    private readonly limits: Limits,
    private readonly tokens: TokenService,
  ) {}

  @Post('users')
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '注册',
    description: '用户名、密码、手机号和短信验证码，开一个新账号，并直接登录。',
  })
  @ApiCreatedResponse({ type: Registered })
  @AnswersProblems(
    'REQUEST_INVALID',
    'SMS_CODE_INVALID',
    'USERNAME_TAKEN',
    'MOBILE_TAKEN',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async register(@Body() form: RegisterDto, @FromClient() client: Client): Promise<Registered> {
    await this.limits.take({ 'registrations-per-ip': client.network });
    const { username, password, mobile, sms_code: smsCode } = form;
    const account = await this.credentials.register({ username, password, mobile, smsCode }, client);
    return new Registered(this.tokens.issue(account), account);
  }

  @Get('user')
  @UseGuards(AuthGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: '我是谁', description: '登录令牌属于谁。手机号中间四位隐去。' })
  @ApiOkResponse({ type: Me })
  @AnswersProblems('LOGIN_REQUIRED')
  me(@CurrentAccount() account: Account): Me {
    return new Me(account);
  }

  @Put('user/password')
  @UseGuards(AuthGuard)
  @AuditRefusals('password')
  @ApiBearerAuth()
  @ApiOperation({ summary: '修改密码', description: '需要原密码。此前签发的登录令牌全部失效，请重新登录。' })
  @ApiOkResponse({ type: Done })
  @AnswersProblems('REQUEST_INVALID', 'PASSWORD_INVALID', 'LOGIN_REQUIRED', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async changePassword(
    @CurrentLogin() { userId }: Login,
    @Body() form: ChangePasswordDto,
    @FromClient() client: Client,
  ): Promise<Done> {
    await this.credentials.change(userId, form.old_password, form.new_password, client);
    return new Done('密码已修改，请重新登录');
  }

  @Post('user/password')
  @HttpCode(200)
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '忘记密码',
    description: '凭短信验证码设新密码。无论该手机号有没有账号，回答都一样，验证码都会用掉。',
  })
  @ApiOkResponse({ type: Done })
  @AnswersProblems('REQUEST_INVALID', 'SMS_CODE_INVALID', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async resetPassword(@Body() form: ResetPasswordDto, @FromClient() client: Client): Promise<Done> {
    await this.limits.take({ 'resets-per-ip': client.network });
    await this.credentials.reset(form.mobile, form.sms_code, form.password, client);
    return new Done('如果该手机号已注册，密码已重置，请重新登录');
  }

  @Get('user/events')
  @UseGuards(AuthGuard)
  @ApiBearerAuth()
  @ApiOperation({
    summary: '账号动态',
    description: '这个账号发生过什么，新的在前。翻页时，`before` 填上一页最后一条的 `id`。',
  })
  @ApiOkResponse({ type: [EventAnswer] })
  @AnswersProblems('REQUEST_INVALID', 'LOGIN_REQUIRED')
  async listEvents(
    @CurrentAccount() { id }: Account,
    @Query() { limit, before }: EventsQuery,
  ): Promise<EventAnswer[]> {
    return (await this.events.list(id, limit, before)).map((event) => new EventAnswer(event));
  }
}
