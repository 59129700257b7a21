import { Body, Controller, Delete, HttpCode, Post } from '@nestjs/common';
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
import { SignIns } from '../auth/sign-ins.js';
import { Login, TokenService } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { SetStatus, StatusSetter } from '../common/set-status.js';
import { AnswersProblems } from '../common/problem.js';
import { AccountChanges } from './account-changes.js';
import { CurrentAccount } from './active-account.pipe.js';
import { PasswordProofs } from './password-proofs.js';
import { LoginDto, SignedIn, SmsLoginDto } from './users.dto.js';
import { SmsLoginService } from './sms-login.service.js';
import { Account } from './users.service.js';

@ApiTags('登录')
@Controller('authorizations')
export class AuthorizationsController {
  constructor(
    private readonly changes: AccountChanges,
    private readonly proofs: PasswordProofs,
    private readonly signIns: SignIns,
    private readonly smsLogins: SmsLoginService,
    private readonly tokens: TokenService,
  ) {}

  @Post()
  @HttpCode(200)
  @AuditRefusals('password')
  @ApiOperation({
    summary: '密码登录',
    description: '用户名或手机号，加密码。用户名不存在和密码错误，响应和用时都一样。',
  })
  @ApiOkResponse({ type: SignedIn })
  @AnswersProblems(
    'REQUEST_INVALID',
    'CREDENTIALS_INVALID',
    'ACCOUNT_DISABLED',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async login(@Body() { username, password }: LoginDto, @FromClient() client: Client): Promise<SignedIn> {
    const proven = await this.proofs.login(username, password, client);
    return new SignedIn(await this.signIns.open(proven, { via: 'password', client }));
  }

  @Post('sms')
  @HttpCode(200)
  @AuditRefusals('sms')
  @ApiOperation({
    summary: '短信验证码登录',
    description: '没有账号的手机号，会新建一个没有密码的账号（以后可以设置），返回201。',
  })
  @ApiOkResponse({ type: SignedIn })
  @ApiCreatedResponse({ type: SignedIn })
  @AnswersProblems(
    'REQUEST_INVALID',
    'SMS_CODE_INVALID',
    'ACCOUNT_DISABLED',
    'TERMS_REQUIRED',
    'TOO_MANY_REQUESTS',
  )
  async loginBySms(
    @Body() { mobile, sms_code: smsCode, terms_version: termsVersion }: SmsLoginDto,
    @FromClient() client: Client,
    @SetStatus() setStatus: StatusSetter,
  ): Promise<SignedIn> {
    const { newcomer, ...proven } = await this.smsLogins.login({ mobile, smsCode, termsVersion }, client);
    if (newcomer) setStatus(201);
    return new SignedIn(await this.signIns.open(proven, { via: 'sms', client }));
  }

  @Delete()
  @HttpCode(204)
  @LoggedIn()
  @ApiOperation({ summary: '退出登录', description: '只让这一个登录令牌失效。' })
  @ApiNoContentResponse()
  async logout(@CurrentLogin() login: Login): Promise<void> {
    await this.tokens.revoke(login);
  }

  @Delete('all')
  @HttpCode(204)
  @LoggedIn()
  @ApiOperation({ summary: '在所有设备上退出', description: '让这个账号此前签发的登录令牌全部失效。' })
  @ApiNoContentResponse()
  async logoutEverywhere(@CurrentAccount() { id }: Account, @FromClient() client: Client): Promise<void> {
    await this.changes.signOutEverywhere(id, client);
  }
}
