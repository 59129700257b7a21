import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { AuditRefusals } from '../audit/refusals.js';
import { SignIns } from '../auth/sign-ins.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { Config } from '../config/config.js';
import { SignedIn } from '../users/users.dto.js';
import { Browser, GivenBrowser } from './browser-cookie.js';
import {
  AuthorizeQuery,
  BindQqDto,
  CallbackQuery,
  LoginStarted,
  NeedsBinding,
  QqSignedIn,
} from './oauth.dto.js';
import { QqBindService } from './qq-bind.service.js';
import { QqLoginService } from './qq-login.service.js';

@ApiTags('QQ登录')
@ApiExtraModels(QqSignedIn, NeedsBinding)
@Controller('oauth/qq')
export class OAuthController {
  constructor(
    private readonly binds: QqBindService,
    private readonly config: Config,
    private readonly logins: QqLoginService,
    private readonly signIns: SignIns,
  ) {}

  @Get('authorization')
  @ApiOperation({
    summary: '开始QQ登录',
    description:
      '设置浏览器Cookie，返回QQ登录的地址。沙箱里，在 `login_url` 后加 `&login_as=10001` 可跳过QQ的页面。',
  })
  @ApiOkResponse({
    type: LoginStarted,
    headers: { 'Set-Cookie': { schema: { type: 'string' }, description: '把这次登录与这个浏览器绑定' } },
  })
  @AnswersProblems('REQUEST_INVALID', 'NEXT_INVALID', 'TOO_MANY_REQUESTS')
  async authorize(
    @Query() { next, display }: AuthorizeQuery,
    @GivenBrowser() browser: string,
    @FromClient() client: Client,
  ): Promise<LoginStarted> {
    return new LoginStarted(await this.logins.start({ next, display, browser, client }));
  }

  @Get('users')
  @AuditRefusals('qq')
  @ApiOperation({
    summary: 'QQ登录回调',
    description:
      '回调页交来QQ给的 `code` 和 `state`。已绑定的QQ直接登录；未绑定的得到 `access_token`，凭它绑定。',
  })
  @ApiOkResponse({
    description: '已绑定 · 未绑定',
    content: {
      'application/json': {
        schema: { oneOf: [{ $ref: getSchemaPath(QqSignedIn) }, { $ref: getSchemaPath(NeedsBinding) }] },
      },
    },
  })
  @AnswersProblems(
    'REQUEST_INVALID',
    'STATE_INVALID',
    'QQ_CODE_INVALID',
    'ACCOUNT_DISABLED',
    'QQ_CONFLICT',
    'TOO_MANY_REQUESTS',
    'QQ_UNAVAILABLE',
  )
  async callback(
    @Query() { code, state }: CallbackQuery,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<QqSignedIn | NeedsBinding> {
    const login = await this.logins.finish({ code, state, browser, client });
    if (!login.proven) return new NeedsBinding(login, this.config.BIND_TOKEN_TTL);
    const { proven, openid, next } = login;
    return new QqSignedIn(await this.signIns.open(proven, { via: 'qq', client, openid }), next);
  }

  @Post(['users', 'user'])
  @HttpCode(200)
  @AuditRefusals('qq')
  @ApiOperation({
    summary: '绑定QQ',
    description:
      '三项验证：`access_token`（这个浏览器登录的QQ）、短信验证码（手机）、密码（账号）。没有账号的手机号，会新建一个账号。五分钟内重发同样的请求，得到同样的成功。',
  })
  @ApiOkResponse({ type: SignedIn })
  @AnswersProblems(
    'REQUEST_INVALID',
    'BIND_TOKEN_INVALID',
    'SMS_CODE_INVALID',
    'PASSWORD_INVALID',
    'ACCOUNT_DISABLED',
    'QQ_ALREADY_BOUND',
    'MOBILE_TAKEN',
    'TERMS_REQUIRED',
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async bind(
    @Body() form: BindQqDto,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<SignedIn> {
    const {
      mobile,
      password,
      sms_code: smsCode,
      access_token: bindToken,
      terms_version: termsVersion,
    } = form;
    const request = { mobile, password, smsCode, bindToken, termsVersion, browser, client };
    const proven = await this.binds.bind(request);
    return new SignedIn(await this.signIns.open(proven, { via: 'qq', client }));
  }
}
