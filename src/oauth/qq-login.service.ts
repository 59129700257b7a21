import { Injectable } from '@nestjs/common';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { Account } from '../users/users.service.js';
import { BindTokenService } from './bind-token.service.js';
import { CallbackOutcomes } from './callback-outcomes.js';
import { LoginState } from './login-state.js';
import { QqBindings } from './qq-bindings.js';
import { QqClient, QqIdentity } from './qq-client.js';
import { QqProfile } from './qq-dialect.js';

export interface StartRequest {
  /** The path to which the shopper returns after the login. */
  readonly next: string;
  readonly display?: 'mobile' | undefined;
  /** The browser's cookie; missing for the old shop's pages. */
  readonly browser?: string;
  readonly client: Client;
}

export interface FinishRequest {
  readonly code: string;
  readonly state: string;
  /** The browser's cookie. */
  readonly browser: string | undefined;
  readonly client: Client;
}

/** A login of a QQ that has no account yet. */
export interface UnboundLogin extends QqProfile {
  readonly proven?: undefined;
  readonly bindToken: string;
  readonly next: string;
}

/** A finished QQ login: of a QQ with an account, or of an unbound QQ. */
export type QqLogin =
  { readonly proven: Proven<Account>; readonly openid: string; readonly next: string } | UnboundLogin;

/** A QQ login from "QQ登录" to the callback. */
@Injectable()
export class QqLoginService {
  constructor(
    private readonly bindings: QqBindings,
    private readonly bindTokens: BindTokenService,
    private readonly limits: Limits,
    private readonly outcomes: CallbackOutcomes,
    private readonly qq: QqClient,
    private readonly states: LoginState,
  ) {}

  /**
   * The URL where this browser logs in to QQ.
   * @throws Problem NEXT_INVALID, TOO_MANY_REQUESTS
   */
  async start({ next, display, browser, client }: StartRequest): Promise<string> {
    await this.limits.take({ 'starts-per-ip': client.network });
    return this.qq.authorizationUrl(this.states.issue(next, browser), display);
  }

  /**
   * Finishes a login that this browser started. A repeated callback within a minute gets the same outcome.
   * @throws Problem STATE_INVALID, QQ_CODE_INVALID, QQ_CONFLICT, QQ_UNAVAILABLE, TOO_MANY_REQUESTS
   */
  async finish({ code, state, browser, client }: FinishRequest): Promise<QqLogin> {
    await this.limits.take({ 'callbacks-per-ip': client.network });
    const login = this.states.verify(state, browser, code);
    // If a profile may be asked for, the account is looked up first: the profile of a bound QQ is not needed.
    let found: { account: Account | undefined; asOf: number } | undefined;
    // The old shop's pages have no cookie. Address and browser name replace it, because otherwise
    // anyone who sees the code within the minute could repeat the callback.
    const caller = login.browser ?? `${client.network} ${client.userAgent}`;
    const outcome = await this.outcomes.once(login, `${code} ${caller}`, async () => {
      const { accessToken, ...identity } = await this.qq.identify(code, client);
      if (accessToken === undefined) return identity;
      found = await this.find(identity, client);
      if (found.account) return identity;
      return { ...identity, ...(await this.qq.profileOf({ ...identity, accessToken }, client)) };
    });
    const { identity } = outcome;
    const { account, asOf } = found ?? (await this.find(identity, client));
    if (account) return { proven: { account, asOf }, openid: identity.openid, next: login.next };
    const { nickname, avatar } = identity;
    return { bindToken: this.bindTokens.issue(outcome, login), next: login.next, nickname, avatar };
  }

  private async find(identity: QqIdentity, client: Client) {
    const asOf = Date.now();
    return { account: await this.bindings.findAccount(identity, client), asOf };
  }
}
