import { Body, Controller, Get, HttpCode, Post, Query, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { AuditRefusals } from '../audit/refusals.js';
import { SignIns } from '../auth/sign-ins.js';
import { Client, FromClient } from '../common/client.js';
import { Browser } from '../oauth/browser-cookie.js';
import { QqBindService } from '../oauth/qq-bind.service.js';
import { QqLoginService } from '../oauth/qq-login.service.js';
import { PasswordProofs } from '../users/password-proofs.js';
import { LoginDto } from '../users/users.dto.js';
import { LegacyConsent } from './legacy-consent.js';
import { LegacyRefusals } from './legacy-refusal.js';
import { LegacyBindDto, LegacyCallbackQuery, LegacyLoginQuery, LegacySignedIn } from './legacy.dto.js';

/**
 * Logins of the old shop's pages. They return QQ's code without a state and without a cookie, so nobody can tell which
 * browser started the login. This is the risk of `LEGACY_CLIENT`.
 */
@ApiExcludeController()
@UseInterceptors(LegacyRefusals)
@Controller('legacy')
export class LegacyLoginController {
  constructor(
    private readonly binds: QqBindService,
    private readonly consent: LegacyConsent,
    private readonly logins: QqLoginService,
    private readonly proofs: PasswordProofs,
    private readonly signIns: SignIns,
  ) {}

  /** Sends the URL under three names: the old front ends read different ones. */
  @Get('login')
  async start(@Query() { next, state }: LegacyLoginQuery, @FromClient() client: Client): Promise<object> {
    const url = await this.logins.start({ next: next || state || '/', client });
    return { login_url: url, auth_url: url, oauth_url: url };
  }

  @Get('callback')
  @AuditRefusals('qq')
  async callback(
    @Query() { code, state }: LegacyCallbackQuery,
    @FromClient() client: Client,
  ): Promise<object> {
    const login = await this.logins.finish({ code, state, browser: undefined, client });
    if (!login.proven) return { access_token: login.bindToken };
    const { proven, openid } = login;
    return new LegacySignedIn(await this.signIns.open(proven, { via: 'qq', client, openid }));
  }

  @Post('bind')
  @HttpCode(200)
  @AuditRefusals('qq')
  async bind(
    @Body() form: LegacyBindDto,
    @Browser() browser: string | undefined,
    @FromClient() client: Client,
  ): Promise<LegacySignedIn> {
    const { mobile, password, sms_code: smsCode, access_token: bindToken } = form;
    const termsVersion = this.consent.of(form);
    const proven = await this.binds.bind({
      mobile,
      password,
      smsCode,
      bindToken,
      termsVersion,
      browser,
      client,
    });
    return new LegacySignedIn(await this.signIns.open(proven, { via: 'qq', client }));
  }

  @Post('authorizations')
  @HttpCode(200)
  @AuditRefusals('password')
  async login(
    @Body() { username, password }: LoginDto,
    @FromClient() client: Client,
  ): Promise<LegacySignedIn> {
    const proven = await this.proofs.login(username, password, client);
    return new LegacySignedIn(await this.signIns.open(proven, { via: 'password', client }));
  }
}
