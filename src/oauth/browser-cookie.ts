import { createParamDecorator, ExecutionContext, Injectable, PipeTransform } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pooledRandomBytes } from '../common/random-bytes.js';
import { Config } from '../config/config.js';
import { LOGIN_TTL } from './login-state.js';

/** 128 random bits. */
const VALUE = /^[\w-]{22}$/;

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The cookie that identifies a browser between "QQ登录" and the bind. */
@Injectable()
export class BrowserCookie {
  private readonly name: string;
  private readonly attributes: string;

  constructor({ secure, BIND_TOKEN_TTL }: Config) {
    // Browsers accept `__Host-` only from the host itself and over https. There is no such prefix for http.
    this.name = secure ? '__Host-qq_login' : 'qq_login';
    // A login's lifetime, followed by the lifetime of the bind token that the login may give.
    const seconds = LOGIN_TTL + BIND_TOKEN_TTL;
    this.attributes = `Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  /** The browser's cookie. Two cookies of this name count as none: another host of the domain has set one. */
  read({ headers }: FastifyRequest): string | undefined {
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const values = pairs
      .filter((pair) => pair.startsWith(`${this.name}=`))
      .map((pair) => pair.slice(this.name.length + 1));
    return values.length === 1 && VALUE.test(values[0]!) ? values[0] : undefined;
  }

  /** Gives the browser a cookie, or renews its cookie, so that a login started in another tab stays valid. */
  give({ request, reply }: Exchange): string {
    const value = this.read(request) ?? pooledRandomBytes(16).toString('base64url');
    void reply.header('Set-Cookie', `${this.name}=${value}; ${this.attributes}`);
    return value;
  }
}

@Injectable()
export class ReadBrowserPipe implements PipeTransform<Exchange, string | undefined> {
  constructor(private readonly cookie: BrowserCookie) {}

  transform({ request }: Exchange): string | undefined {
    return this.cookie.read(request);
  }
}

@Injectable()
export class GiveBrowserPipe implements PipeTransform<Exchange, string> {
  constructor(private readonly cookie: BrowserCookie) {}

  transform(exchange: Exchange): string {
    return this.cookie.give(exchange);
  }
}

const HttpExchange = createParamDecorator((_: unknown, context: ExecutionContext): Exchange => {
  const http = context.switchToHttp();
  return { request: http.getRequest<FastifyRequest>(), reply: http.getResponse<FastifyReply>() };
});

/** Parameter decorator: the browser's cookie; undefined if it has none. */
export const Browser = (): ParameterDecorator => HttpExchange(ReadBrowserPipe);

/** Parameter decorator: the browser's cookie, which the answer sets or renews. */
export const GivenBrowser = (): ParameterDecorator => HttpExchange(GiveBrowserPipe);
