import { Body, Controller, Delete, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AuthGuard, CurrentLogin } from '../auth/auth.guard.js';
import { Login, TokenService } from '../auth/token.service.js';
import { Client, FromClient } from '../common/client.js';
import { AnswersProblems } from '../common/problem.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { CurrentAccount } from './active-account.pipe.js';
import { AuditRefusals } from '../audit/audited-refusals.interceptor.js';
import { CredentialsService } from './credentials.service.js';
import { LoginDto, SignedIn } from './users.dto.js';
import { Account, UsersService } from './users.service.js';

@ApiTags('登录')
@Controller('authorizations')
export class AuthorizationsController {
  constructor(
    private readonly credentials: CredentialsService,
    private readonly events: AccountEvents,
    private readonly tokens: TokenService,
    private readonly users: UsersService,
  ) {}

  @Post()
  @HttpCode(200)
  @AuditRefusals('password')
  @ApiOperation({
    summary: '密码登录',
    description: '用户名或手机号，加密码。用户名不存在和密码错误，回答和用时都一样。',
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
    const { account, asOf } = await this.users.login(username, password, client);
    this.events.note({ event: 'logged_in', via: 'password', userId: account.id, client });
    return new SignedIn(this.tokens.issue(account, asOf), account);
  }

  @Delete()
  @HttpCode(204)
  @UseGuards(AuthGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: '退出登录', description: '只让这一个登录令牌失效。' })
  @ApiNoContentResponse()
  @AnswersProblems('LOGIN_REQUIRED')
  async logout(@CurrentLogin() login: Login): Promise<void> {
    await this.tokens.revoke(login);
  }

  @Delete('all')
  @HttpCode(204)
  @UseGuards(AuthGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: '在所有地方退出登录', description: '让这个账号此前签发的登录令牌全部失效。' })
  @ApiNoContentResponse()
  @AnswersProblems('LOGIN_REQUIRED')
  async logoutEverywhere(@CurrentAccount() { id }: Account, @FromClient() client: Client): Promise<void> {
    await this.credentials.signOutEverywhere(id, client);
  }
}
