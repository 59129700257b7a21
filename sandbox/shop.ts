import { DEFAULT_APP, type QqApp } from './registry.js';
import type { Sandbox } from './sandbox.js';

type Fields = Readonly<Record<string, string>>;

/** A shop that lets people log in with QQ, as the stand-in sees it from the other side. For tests. */
export class Shop {
  readonly redirectUri = 'http://localhost:3000/oauth_callback.html';

  constructor(
    private readonly sandbox: Sandbox,
    private readonly app: Pick<QqApp, 'id' | 'key'> = DEFAULT_APP,
  ) {}

  /** Sends somebody to QQ; answers with QQ's answer, redirects not followed. */
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

  /** The code that person comes back with. */
  async code(qq = '10001'): Promise<string> {
    const { headers } = await this.authorize({ login_as: qq });
    return new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  }

  /** Changes the code for a token. */
  token(code: string, changes: Fields = {}, patienceMs?: number): Promise<Response> {
    return this.get('/oauth2.0/token', { ...this.exchange(code), ...changes }, patienceMs);
  }

  /** What `token` sends. */
  exchange(code: string): Fields {
    return {
      grant_type: 'authorization_code',
      client_id: this.app.id,
      client_secret: this.app.key,
      code,
      redirect_uri: this.redirectUri,
    };
  }

  /** The access token of a person who has just logged in. */
  async login(qq?: string): Promise<string> {
    const answer = await (await this.token(await this.code(qq))).text();
    return new URLSearchParams(answer).get('access_token') ?? '';
  }

  /** Asks whose token it is. */
  me(accessToken: string, more: Fields = {}): Promise<Response> {
    return this.get('/oauth2.0/me', { access_token: accessToken, ...more });
  }

  /** @param patienceMs milliseconds until it gives up */
  get(path: string, parameters: Fields, patienceMs = 5000): Promise<Response> {
    const query = new URLSearchParams(parameters).toString();
    const signal = AbortSignal.timeout(patienceMs);
    return fetch(`${this.sandbox.url}${path}?${query}`, { redirect: 'manual', signal });
  }
}
