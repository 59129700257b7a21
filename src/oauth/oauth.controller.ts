import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { TokenService } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { Config } from '../config/config.js';
import { Limits } from '../limits/limits.js';
import { AnswersProblems } from '../common/problem.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { AuditRefusals } from '../audit/audited-refusals.interceptor.js';
import { SignedIn } from '../users/users.dto.js';
import { BindTokenService } from './bind-token.service.js';
import { Browser, BrowserCookie } from './browser-cookie.js';
import { LoginState } from './login-state.js';
import {
  AuthorizeQuery,
  BindQqDto,
  CallbackQuery,
  LoginStarted,
  NeedsBinding,
  QqSignedIn,
} from './oauth.dto.js';
import { QqBindService } from './qq-bind.service.js';
import { QqClient } from './qq-client.js';

@ApiTags('QQ登录')
@ApiExtraModels(QqSignedIn, NeedsBinding)
@Controller('oauth/qq')
export class OAuthController {
  constructor(
    private readonly binds: QqBindService,
    private readonly bindTokens: BindTokenService,
    private readonly config: Config,
    private readonly events: AccountEvents,
    private readonly limits: Limits,
    private readonly loginState: LoginState,
    private readonly qq: QqClient,
    private readonly tokens: TokenService,
  ) {}

  @Get('authorization')
  @UseInterceptors(BrowserCookie)
  @ApiOperation({
    summary: '开始QQ登录',
    description:
      '给浏览器一个cookie，并说去哪里登录QQ。沙箱里，在 `login_url` 后加 `&login_as=10001` 可跳过QQ的页面。',
  })
  @ApiOkResponse({
    type: LoginStarted,
    headers: { 'Set-Cookie': { schema: { type: 'string' }, description: '把这次登录绑在这个浏览器上' } },
  })
  @AnswersProblems('REQUEST_INVALID', 'NEXT_INVALID', 'TOO_MANY_REQUESTS')
  async authorize(
    @Query() { next, display }: AuthorizeQuery,
    @Browser() browser: string,
    @FromClient() { network }: Client,
  ): Promise<LoginStarted> {
    await this.limits.take({ 'starts-per-ip': network });
    return new LoginStarted(this.qq.authorizationUrl(this.loginState.open(next, browser), display));
  }

  @Get('users')
  @AuditRefusals('qq')
  @ApiOperation({
    summary: 'QQ登录回调',
    description:
      '回调页把QQ给的 `code` 和 `state` 交来。绑定过的QQ直接登录；没绑定过的拿到 `access_token`，凭它绑定。',
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
    await this.limits.take({ 'callbacks-per-ip': client.network });
    const { next, browser: owner } = await this.loginState.close(state, browser);
    const identity = await this.qq.identify(code);
    const user = await this.binds.findUser(identity, client);
    if (!user)
      return new NeedsBinding(this.bindTokens.issue(identity, owner), this.config.BIND_TOKEN_TTL, next);
    this.events.note({
      event: 'logged_in',
      via: 'qq',
      userId: user.account.id,
      openid: identity.openid,
      client,
    });
    return new QqSignedIn(this.tokens.issue(user.account, user.asOf), user.account, next);
  }

  @Post(['users', 'user'])
  @HttpCode(200)
  @AuditRefusals('qq')
  @ApiOperation({
    summary: '绑定QQ',
    description:
      '三样证明：`access_token`（这个浏览器登录的QQ）、短信验证码（手机）、密码（账号）。手机号没有账号的，新开一个。五分钟内重复同一请求，得到同样的成功。',
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
    'TOO_MANY_REQUESTS',
    'OVERLOADED',
  )
  async bind(
    @Body() form: BindQqDto,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<SignedIn> {
    const { mobile, password, sms_code: smsCode, access_token: bindToken } = form;
    const { account, asOf } = await this.binds.bind({
      mobile,
      password,
      smsCode,
      bindToken,
      browser,
      client,
    });
    return new SignedIn(this.tokens.issue(account, asOf), account);
  }
}
