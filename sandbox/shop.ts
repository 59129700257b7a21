import { DEFAULT_APP, type QqApp } from './registry.js';
import type { Sandbox } from './sandbox.js';

type Fields = Readonly<Record<string, string>>;

/** A shop with QQ login, which sends the requests that the stand-in receives. For tests. */
export class Shop {
  readonly redirectUri = 'http://localhost:3000/oauth_callback.html';

  constructor(
    private readonly sandbox: Sandbox,
    private readonly app: Pick<QqApp, 'id' | 'key'> = DEFAULT_APP,
  ) {}

  /** Sends a browser to QQ and returns QQ's answer. Redirects are not followed. */
  authorize(changes: Fields = {}): Promise<Response> {
    return this.get('/oauth2.0/authorize', {
      response_type: 'code',
      client_id: this.app.id,
      redirect_uri: this.redirectUri,
      state: 's',
      login_as: '10001',
      ...changes,
    });
  }

  /** The code with which a person returns. */
  async code(qq = '10001'): Promise<string> {
    const { headers } = await this.authorize({ login_as: qq });
    return new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  }

  /** Exchanges the code for a token. */
  token(code: string, changes: Fields = {}, patienceMs?: number): Promise<Response> {
    return this.get('/oauth2.0/token', { ...this.exchange(code), ...changes }, patienceMs);
  }

  /** The parameters of `token`. */
  exchange(code: string): Fields {
    return {
      grant_type: 'authorization_code',
      client_id: this.app.id,
      client_secret: this.app.key,
      code,
      redirect_uri: this.redirectUri,
    };
  }

  /** The access token of a person who logs in now. */
  async login(qq?: string): Promise<string> {
    const answer = await (await this.token(await this.code(qq))).text();
    return new URLSearchParams(answer).get('access_token') ?? '';
  }

  /** Asks for the owner of a token. */
  me(accessToken: string, more: Fields = {}): Promise<Response> {
    return this.get('/oauth2.0/me', { access_token: accessToken, ...more });
  }

  /** @param patienceMs milliseconds before it gives up */
  get(path: string, parameters: Fields, patienceMs = 5000): Promise<Response> {
    const query = new URLSearchParams(parameters).toString();
    const signal = AbortSignal.timeout(patienceMs);
    return fetch(`${this.sandbox.url}${path}?${query}`, { redirect: 'manual', signal });
  }
}
