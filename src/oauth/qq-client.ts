import { Injectable, Logger, OnApplicationShutdown } from '@nestjs/common';
import { Client } from '../common/client.js';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { UpstreamFault } from '../upstream/upstream-fault.js';
import { Upstream } from '../upstream/upstream.js';
import { ServiceError } from '../common/service-error.js';
import { meaningOf, parseAnswer, profileIn, QqAnswer, QqPath, QqProfile, refusesCode } from './qq-dialect.js';

/** Whose QQ it is. */
export interface QqIdentity {
  /** One per app id and QQ: 32 upper-case hex digits. */
  readonly openid: string;
  /** One per QQ, for all apps of a developer; with `QQ_UNIONID` only. */
  readonly unionid?: string;
  /** The nickname at QQ; with `QQ_PROFILE` and an unbound QQ only. */
  readonly nickname?: string;
  /**
   * Gives access to the person's profile at QQ; with `QQ_PROFILE` only. For {@link QqClient.profileOf}, never for a
   * browser.
   */
  readonly accessToken?: string;
}

/** The request that causes the call. */
type Asking = Pick<Client, 'clock' | 'requestId'>;

interface QqCall {
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly client: Asking;
}

/** Milliseconds for all calls that identify a QQ; longer only if a single call may take longer. */
const IDENTIFYING_MS = 4000;
/** Milliseconds for a profile: a login should not wait for a picture. */
const PROFILE_MS = 800;
const OPENID = /^[0-9A-F]{32}$/;
/** QQ documents only the prefix and a length to reserve. */
const UNIONID = /^[\x21-\x7e]{1,64}$/;

/**
 * The client of QQ Connect. All of QQ's peculiarities are handled here and in qq-dialect.ts.
 * https://wiki.connect.qq.com
 */
@Injectable()
export class QqClient implements OnApplicationShutdown {
  private readonly logger = new Logger(QqClient.name);
  private readonly upstream: Upstream;
  private readonly basePath: string;
  /** QQ's login page with every parameter that is the same for all logins. */
  private readonly loginPage: string;

  constructor(private readonly config: Config) {
    const { QQ_BASE_URL: url, QQ_TIMEOUT_MS: timeoutMs } = config;
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: config.QQ_APP_ID,
      redirect_uri: config.QQ_REDIRECT_URI,
      scope: 'get_user_info',
    });
    this.loginPage = `${url.replace(/\/$/, '')}/oauth2.0/authorize?${query.toString()}`;
    this.upstream = new Upstream({ name: 'qq', url, timeoutMs, proxy: config });
    this.basePath = new URL(url).pathname.replace(/\/$/, '');
  }

  /** The URL where the browser logs in to QQ. */
  authorizationUrl(state: string, display?: 'mobile'): string {
    return `${this.loginPage}&state=${encodeURIComponent(state)}${display ? `&display=${display}` : ''}`;
  }

  /**
   * Whose QQ a code belongs to. One request; two with `QQ_UNIONID`.
   * @throws Problem QQ_CODE_INVALID, QQ_UNAVAILABLE
   */
  async identify(code: string, client: Asking): Promise<QqIdentity> {
    const { QQ_APP_ID, QQ_APP_KEY, QQ_PROFILE, QQ_REDIRECT_URI, QQ_TIMEOUT_MS, QQ_UNIONID } = this.config;
    const deadline = Date.now() + Math.max(IDENTIFYING_MS, QQ_TIMEOUT_MS);
    const query = {
      grant_type: 'authorization_code',
      client_id: QQ_APP_ID,
      client_secret: QQ_APP_KEY,
      code,
      redirect_uri: QQ_REDIRECT_URI,
      fmt: 'json',
      need_openid: '1',
    };
    const call = { client, timeoutMs: QQ_TIMEOUT_MS };
    const { access_token: token, openid } = await this.ask('/oauth2.0/token', query, call);
    if (typeof openid !== 'string' || !OPENID.test(openid)) throw unavailable('QQ gave no openid');
    if (!QQ_UNIONID && !QQ_PROFILE) return { openid };
    if (typeof token !== 'string' || token === '') throw unavailable('QQ gave no access token');
    const timeoutMs = Math.max(1, Math.min(QQ_TIMEOUT_MS, deadline - Date.now()));
    return {
      openid,
      ...(QQ_UNIONID && { unionid: await this.unionidOf(openid, token, { client, timeoutMs }) }),
      ...(QQ_PROFILE && { accessToken: token }),
    };
  }

  /**
   * The nickname and the picture, as far as QQ gives them. One request with `QQ_PROFILE`, otherwise none. Never fails,
   * because a login does not depend on it.
   */
  async profileOf({ openid, accessToken }: QqIdentity, client: Asking): Promise<QqProfile> {
    if (!this.config.QQ_PROFILE || accessToken === undefined) return {};
    const query = { access_token: accessToken, oauth_consumer_key: this.config.QQ_APP_ID, openid };
    try {
      const timeoutMs = Math.min(PROFILE_MS, this.config.QQ_TIMEOUT_MS);
      const answer = await this.ask('/user/get_user_info', query, { client, timeoutMs });
      return profileIn(answer, new URL(this.config.QQ_BASE_URL).origin);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { requestId } = client;
      this.logger.warn('QQ gave no profile', { requestId, cause: (error.cause as Error).message });
      return {};
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  private async unionidOf(openid: string, token: string, call: QqCall): Promise<string> {
    const query = { access_token: token, unionid: '1', fmt: 'json' };
    const answer = await this.ask('/oauth2.0/me', query, call);
    // Token substitution: a token issued to another app would carry that app's openid.
    if (String(answer.client_id) !== this.config.QQ_APP_ID) throw unavailable('QQ named a foreign client_id');
    if (answer.openid !== openid) throw unavailable('QQ gave two different openids');
    const { unionid } = answer;
    if (typeof unionid !== 'string' || !UNIONID.test(unionid)) throw unavailable('QQ gave no unionid');
    return unionid;
  }

  private async ask(
    path: QqPath,
    query: Record<string, string>,
    { client: { clock, requestId }, timeoutMs }: QqCall,
  ): Promise<QqAnswer> {
    const url = `${this.basePath}${path}?${new URLSearchParams(query).toString()}`;
    const answer = parseAnswer(await this.fetch(url, Math.min(timeoutMs, clock?.timeLeft ?? Infinity)));
    if (!answer) throw unavailable('QQ answered nonsense');
    // QQ reports failures with status 200 and an `error` or `ret` field. The status says nothing.
    const error = answer.error ?? answer.ret;
    if (error === undefined || Number(error) === 0) return answer;
    const code = Number(error);
    const meaning = meaningOf(code, path);
    const cause = new ServiceError(`QQ refused ${path} with ${code}: ${meaning}`);
    if (refusesCode(code, path)) throw new Problem('QQ_CODE_INVALID', { cause });
    if (path !== '/user/get_user_info')
      this.logger.error('QQ refused our app', { requestId, path, code, meaning });
    throw new Problem('QQ_UNAVAILABLE', { cause });
  }

  private async fetch(path: string, timeoutMs: number): Promise<string> {
    try {
      return (await this.upstream.call({ method: 'GET', path, timeoutMs })).text;
    } catch (cause) {
      if (cause instanceof UpstreamFault) throw new Problem('QQ_UNAVAILABLE', { cause });
      throw cause;
    }
  }
}

function unavailable(why: string): Problem {
  return new Problem('QQ_UNAVAILABLE', { cause: new ServiceError(why) });
}
