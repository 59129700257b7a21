import { randomInt, randomUUID } from 'node:crypto';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { LogRecorder } from './log-recorder.js';

/** A received answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed JSON; an empty object if there is none. */
  readonly body: Body;
}

/** The fields of all routes' answers. Each answer has some of them. */
export interface Body {
  readonly [field: string]: unknown;
  readonly errorCode?: string;
  readonly message?: string;
  readonly errors?: Record<string, string[]>;
  readonly login_url: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly token: string;
  readonly user_id: number;
  readonly username: string;
  readonly next: string;
}

export interface BindForm {
  readonly mobile: string;
  readonly password: string;
  readonly sms_code: string;
  readonly access_token: string;
}

export interface SendOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

const SECRET_FIELDS = [
  'password',
  'old_password',
  'new_password',
  'sms_code',
  'access_token',
  'token',
  'mobile',
  'image_code',
];

/** A person with a browser and its cookie, an address, and a phone. Uses only HTTP. */
export class Shopper {
  /** The browser's cookie header; empty at first. */
  cookie = '';
  /** False for a page of another site, whose requests carry no cookies. */
  keepsCookies = true;
  address = `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;

  constructor(
    private readonly url: string,
    private readonly sandbox: Sandbox,
    private readonly logRecorder: LogRecorder,
  ) {}

  async send(path: string, { method = 'GET', body, headers, token }: SendOptions = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        'x-forwarded-for': this.address,
        ...(this.cookie && { cookie: this.cookie }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0];
    if (cookie && this.keepsCookies) this.cookie = cookie;
    const text = await response.text();
    const parsed =
      text !== '' && /json/.test(response.headers.get('content-type') ?? '')
        ? (JSON.parse(text) as Body)
        : ({} as Body);
    this.keepSecrets(body, parsed);
    return { status: response.status, headers: response.headers, text, body: parsed };
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.send(path, { ...(token && { token }) });
  }

  post(path: string, body: unknown, token?: string): Promise<Answer> {
    return this.send(path, { method: 'POST', body, ...(token && { token }) });
  }

  /** Presses "QQ登录" and returns QQ's login URL. */
  async start(next = '/cart.html'): Promise<string> {
    const { body } = await this.get(`/oauth/qq/authorization/?next=${encodeURIComponent(next)}`);
    return body.login_url;
  }

  /** Logs in to QQ and returns the query of the callback: `code=…&state=…`. */
  async approve(loginUrl: string, qq: number | string): Promise<string> {
    const response = await fetch(`${loginUrl}&login_as=${qq}`, { redirect: 'manual' });
    const query = new URL(response.headers.get('location') ?? 'none:').search.slice(1);
    this.logRecorder.keep(...new URLSearchParams(query).values());
    return query;
  }

  /** Runs the whole QQ login and returns the answer of the callback. */
  async loginWithQq(qq: number | string, next?: string): Promise<Answer> {
    return this.get(`/oauth/qq/users/?${await this.approve(await this.start(next), qq)}`);
  }

  /** A bind token of an unbound QQ. */
  async bindToken(qq: number | string = newQq()): Promise<string> {
    return (await this.loginWithQq(qq)).body.access_token;
  }

  /** Copies the picture and asks for an SMS. */
  async askForSms(mobile: string): Promise<Answer> {
    const id = randomUUID();
    const picture = await this.get(`/image_codes/${id}/`);
    // Without a picture there is no text to copy, so the refusal is the answer.
    if (picture.status !== 200) return picture;
    const image_code = picture.headers.get('x-image-code') ?? '';
    return this.post('/sms_codes/', { mobile, image_code_id: id, image_code });
  }

  /** Asks for an SMS and returns its code. */
  async smsCode(mobile: string): Promise<string> {
    const { status, text } = await this.askForSms(mobile);
    const [message] = this.sandbox.messages(mobile);
    if (!message) throw new Error(`No SMS came: ${status} ${text}`);
    this.logRecorder.keep(message.code);
    return message.code;
  }

  /** A complete bind form. Given fields are used as they are. */
  async bindForm(given: Partial<BindForm> & { qq?: number | string } = {}): Promise<BindForm> {
    const { mobile = newMobile(), password = newPassword(), qq } = given;
    const access_token = given.access_token ?? (await this.bindToken(qq));
    const sms_code = given.sms_code ?? (await this.smsCode(mobile));
    return { mobile, password, sms_code, access_token };
  }

  bind(form: unknown): Promise<Answer> {
    return this.post('/oauth/qq/users/', form);
  }

  /** Registers an account. The answer has its token. */
  async register(given: { username?: string; mobile?: string; password?: string } = {}): Promise<Registered> {
    const { username = newName(), mobile = newMobile(), password = newPassword() } = given;
    const sms_code = await this.smsCode(mobile);
    const { body } = await this.post('/users/', { username, mobile, password, sms_code });
    return { id: Number(body.id), username, mobile, password, token: body.token };
  }

  private keepSecrets(...bodies: readonly unknown[]): void {
    for (const body of bodies) {
      if (typeof body !== 'object' || body === null) continue;
      for (const field of SECRET_FIELDS) {
        const value = (body as Record<string, unknown>)[field];
        if (typeof value === 'string' && !value.includes('*')) this.logRecorder.keep(value, openidIn(value));
      }
    }
    this.logRecorder.keep(this.cookie.split('=')[1]);
  }
}

export interface Registered {
  readonly id: number;
  readonly username: string;
  readonly mobile: string;
  readonly password: string;
  readonly token: string;
}

/** The openid in a bind token, which its owner can read. */
function openidIn(token: string): string | undefined {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  return payload && /"openid":"(\w+)"/.exec(Buffer.from(payload, 'base64url').toString())?.[1];
}

/** Numbers and names that no other test uses. */
export const newMobile = (): string => `1${randomInt(3, 10)}${String(randomInt(1e9)).padStart(9, '0')}`;
export const newQq = (): string => String(randomInt(10_000_000, 2_000_000_000));
export const newName = (): string => `user_${randomInt(1e12).toString(36)}`;
export const newPassword = (): string => `Pw-${randomInt(1e12).toString(36)}-${randomInt(1e4)}`;
