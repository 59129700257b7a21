import { Body, Controller, Delete, Get, HttpCode, Post, Put, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { AuditTrail } from '../audit/audit-trail.js';
import { AuditRefusals } from '../audit/refusals.js';
import { CurrentLogin } from '../auth/auth.guard.js';
import { LoggedIn } from '../auth/logged-in.js';
import { SignIns } from '../auth/sign-ins.js';
import { Login } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { CurrentAccount } from './active-account.pipe.js';
import { OwnAccountService } from './own-account.service.js';
import { PasswordsService } from './passwords.service.js';
import { RegistrationsService } from './registrations.service.js';
import {
  ChangeMobileDto,
  ChangePasswordDto,
  CloseAccountDto,
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
    private readonly own: OwnAccountService,
    private readonly passwords: PasswordsService,
    private readonly registrations: RegistrationsService,
    private readonly signIns: SignIns,
    private readonly trail: AuditTrail,
  ) {}

  @Post('users')
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '注册',
    description: '用用户名、密码、手机号和短信验证码新建账号，并直接登录。',
  })
  @ApiCreatedResponse({ type: Registered })
  @AnswersProblems(
    'REQUEST_INVALID',
    'SMS_CODE_INVALID',
    'USERNAME_TAKEN',
    'MOBILE_TAKEN',
    'TERMS_REQUIRED',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async register(@Body() form: RegisterDto, @FromClient() client: Client): Promise<Registered> {
    const { username, password, mobile, sms_code: smsCode, terms_version: termsVersion } = form;
    const registration = { username, password, mobile, smsCode, termsVersion };
    const proven = await this.registrations.register(registration, client);
    return new Registered(await this.signIns.open(proven, { via: 'sms', client }));
  }

  @Get('user')
  @LoggedIn()
  @ApiOperation({ summary: '我是谁', description: '登录令牌所属的账号。手机号中间四位隐去。' })
  @ApiOkResponse({ type: Me })
  me(@CurrentAccount() account: Account): Me {
    return new Me(account);
  }

  @Put('user/password')
  @LoggedIn()
  @AuditRefusals('password')
  @ApiOperation({
    summary: '修改密码',
    description: '需要当前密码。此前签发的登录令牌全部失效，请重新登录。',
  })
  @ApiOkResponse({ type: Done })
  @AnswersProblems('REQUEST_INVALID', 'PASSWORD_INVALID', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async changePassword(
    @CurrentLogin() login: Login,
    @Body() form: ChangePasswordDto,
    @FromClient() client: Client,
  ): Promise<Done> {
    await this.passwords.change(login, form.old_password, form.new_password, client);
    return new Done('密码已修改，请重新登录');
  }

  @Post('user/password')
  @HttpCode(200)
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '忘记密码',
    description: '凭短信验证码设新密码。无论该手机号有没有账号，响应都一样，验证码都会用掉。',
  })
  @ApiOkResponse({ type: Done })
  @AnswersProblems('REQUEST_INVALID', 'SMS_CODE_INVALID', 'TOO_MANY_REQUESTS', 'OVERLOADED')
  async resetPassword(@Body() form: ResetPasswordDto, @FromClient() client: Client): Promise<Done> {
    await this.passwords.reset(form.mobile, form.sms_code, form.password, client);
    return new Done('如果该手机号已注册，密码已重设，请使用新密码');
  }

  @Put('user/mobile')
  @LoggedIn()
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '更换手机号',
    description: '密码，加上发到新手机号的短信验证码。此前签发的登录令牌全部失效，请重新登录。',
  })
  @ApiOkResponse({ type: Done })
  @AnswersProblems(
    'REQUEST_INVALID',
    'SMS_CODE_INVALID',
    'PASSWORD_INVALID',
    'MOBILE_TAKEN',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async changeMobile(
    @CurrentLogin() login: Login,
    @Body() { mobile, sms_code: smsCode, password }: ChangeMobileDto,
    @FromClient() client: Client,
  ): Promise<Done> {
    await this.own.changeMobile(login, { mobile, smsCode, password }, client);
    return new Done('手机号已更换，请重新登录');
  }

  @Delete('user')
  @HttpCode(204)
  @LoggedIn()
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '注销账号',
    description:
      '密码，加上发到账号自己手机的短信验证码。解绑所有QQ，登录全部失效，手机号和用户名不再属于这个账号。',
  })
  @ApiNoContentResponse()
  @AnswersProblems(
    'REQUEST_INVALID',
    'SMS_CODE_INVALID',
    'PASSWORD_INVALID',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async close(
    @CurrentLogin() login: Login,
    @Body() { sms_code: smsCode, password }: CloseAccountDto,
    @FromClient() client: Client,
  ): Promise<void> {
    await this.own.close(login, smsCode, password, client);
  }

  @Get('user/events')
  @LoggedIn()
  @ApiOperation({
    summary: '账号动态',
    description: '这个账号的动态，新的在前。翻页时，`before` 填上一页最后一条的 `id`。',
  })
  @ApiOkResponse({ type: [EventAnswer] })
  @AnswersProblems('REQUEST_INVALID')
  async listEvents(
    @CurrentAccount() { id }: Account,
    @Query() { limit, before }: EventsQuery,
  ): Promise<EventAnswer[]> {
    return (await this.trail.list(id, limit, before)).map((event) => new EventAnswer(event));
  }
}
