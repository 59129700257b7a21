import { Injectable, Logger, OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { UpstreamFault } from '../upstream/upstream-fault.js';
import { Upstream } from '../upstream/upstream.js';
import { ServiceError } from '../common/service-error.js';
import { meaningOf, parseAnswer, QqAnswer, refusesCode } from './qq-dialect.js';

/** Whose QQ it is. */
export interface QqIdentity {
  /** One per (app id, QQ): 32 upper-case hex. */
  readonly openid: string;
  /** One per QQ for all apps of a developer; with `QQ_UNIONID` only. */
  readonly unionid?: string;
  /** What the person is called at QQ; with `QQ_PROFILE` only, and for an unbound QQ only. */
  readonly nickname?: string;
}

const OPENID = /^[0-9A-F]{32}$/;
/** QQ documents the prefix and a length to reserve, and nothing else about it. */
const UNIONID = /^[\x21-\x7e]{1,64}$/;

/** QQ Connect: all of its quirks, and nobody else knows them. https://wiki.connect.qq.com */
@Injectable()
export class QqClient implements OnApplicationShutdown {
  private readonly logger = new Logger(QqClient.name);
  private readonly upstream: Upstream;
  private readonly basePath: string;

  constructor(private readonly config: Config) {
    const { QQ_BASE_URL: url, QQ_TIMEOUT_MS: timeoutMs } = config;
    this.upstream = new Upstream({ name: 'qq', url, timeoutMs, proxy: config });
    this.basePath = new URL(url).pathname.replace(/\/$/, '');
  }

  /** Where the browser goes to log in to QQ. */
  authorizationUrl(state: string, display?: 'mobile'): string {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.config.QQ_APP_ID,
      redirect_uri: this.config.QQ_REDIRECT_URI,
      state,
      scope: 'get_user_info',
      ...(display && { display }),
    });
    return `${this.config.QQ_BASE_URL.replace(/\/$/, '')}/oauth2.0/authorize?${query.toString()}`;
  }

  /**
   * Whose QQ a code belongs to. One request; with `QQ_UNIONID` two.
   * @throws Problem QQ_CODE_INVALID, QQ_UNAVAILABLE
   */
  async identify(code: string): Promise<QqIdentity> {
    const { access_token: token, openid } = await this.ask('/oauth2.0/token', {
      grant_type: 'authorization_code',
      client_id: this.config.QQ_APP_ID,
      client_secret: this.config.QQ_APP_KEY,
      code,
      redirect_uri: this.config.QQ_REDIRECT_URI,
      fmt: 'json',
      need_openid: '1',
    });
    if (typeof openid !== 'string' || !OPENID.test(openid)) throw unavailable('QQ gave no openid');
    if (!this.config.QQ_UNIONID) return { openid };
    if (typeof token !== 'string' || token === '') throw unavailable('QQ gave no access token');
    return { openid, unionid: await this.unionidOf(openid, token) };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  private async unionidOf(openid: string, token: string): Promise<string> {
    const answer = await this.ask('/oauth2.0/me', { access_token: token, unionid: '1', fmt: 'json' });
    // A token issued to another app would tell us somebody's openid there (token substitution).
    if (String(answer.client_id) !== this.config.QQ_APP_ID) throw unavailable('QQ named a foreign client_id');
    if (answer.openid !== openid) throw unavailable('QQ gave two different openids');
    const { unionid } = answer;
    if (typeof unionid !== 'string' || !UNIONID.test(unionid)) throw unavailable('QQ gave no unionid');
    return unionid;
  }

  private async ask(path: string, query: Record<string, string>): Promise<QqAnswer> {
    const answer = parseAnswer(
      await this.fetch(`${this.basePath}${path}?${new URLSearchParams(query).toString()}`),
    );
    if (!answer) throw unavailable('QQ answered nonsense');
    // QQ answers failures with 200 and an `error` field; the status says nothing.
    const error = answer.error ?? answer.ret;
    if (error === undefined || Number(error) === 0) return answer;
    const cause = new ServiceError(`QQ refused with ${String(Number(error))}: ${meaningOf(error)}`);
    if (refusesCode(error)) throw new Problem('QQ_CODE_INVALID', { cause });
    this.logger.error('QQ refused our app', { code: Number(error), meaning: meaningOf(error) });
    throw new Problem('QQ_UNAVAILABLE', { cause });
  }

  private async fetch(path: string): Promise<string> {
    try {
      return (await this.upstream.call({ method: 'GET', path })).text;
    } catch (cause) {
      if (cause instanceof UpstreamFault) throw new Problem('QQ_UNAVAILABLE', { cause });
      throw cause;
    }
  }
}

function unavailable(why: string): Problem {
  return new Problem('QQ_UNAVAILABLE', { cause: new ServiceError(why) });
}
