import { randomBytes } from 'node:crypto';
import {
  CallHandler,
  createParamDecorator,
  ExecutionContext,
  Injectable,
  NestInterceptor,
  PipeTransform,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Observable } from 'rxjs';
import { Config } from '../config/config.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The cookie that was given to the browser with this very request. */
    givenCookie?: string;
  }
}

/** 128 random bits. */
const VALUE = /^[\w-]{22}$/;

/** The cookie that tells one browser from another between "QQ登录" and the bind. */
@Injectable()
export class BrowserCookie implements NestInterceptor, PipeTransform<FastifyRequest, string | undefined> {
  private readonly name: string;
  private readonly attributes: string;

  constructor({ secure, BIND_TOKEN_TTL }: Config) {
    // `__Host-` is the browser's word that no other host of the domain has set it; http has nothing like it.
    this.name = secure ? '__Host-qq_login' : 'qq_login';
    this.attributes = `Max-Age=${BIND_TOKEN_TTL}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  /** Gives the browser a cookie, or renews the one it has: a login that another tab has started goes on. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    request.givenCookie = this.read(request) ?? randomBytes(16).toString('base64url');
    void http
      .getResponse<FastifyReply>()
      .header('Set-Cookie', `${this.name}=${request.givenCookie}; ${this.attributes}`);
    return next.handle();
  }

  transform(request: FastifyRequest): string | undefined {
    return request.givenCookie ?? this.read(request);
  }

  /** Two cookies of the name are none: one of them was planted from another host of the domain. */
  private read({ headers }: FastifyRequest): string | undefined {
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const values = pairs
      .filter((pair) => pair.startsWith(`${this.name}=`))
      .map((pair) => pair.slice(this.name.length + 1));
    return values.length === 1 && VALUE.test(values[0]!) ? values[0] : undefined;
  }
}

const Request = createParamDecorator((_: unknown, context: ExecutionContext) =>
  context.switchToHttp().getRequest<FastifyRequest>(),
);

/** Parameter decorator: the browser's cookie; undefined without one. */
export const Browser = (): ParameterDecorator => Request(BrowserCookie);
