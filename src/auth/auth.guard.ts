import { CanActivate, createParamDecorator, ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../common/problem.js';
import { Login, TokenService } from './token.service.js';

declare module 'fastify' {
  interface FastifyRequest {
    login?: Login;
  }
}

/** `Authorization: Bearer <token>`; `JWT <token>` is the old shop's scheme (DRF-JWT). */
const SCHEME = /^(?:Bearer|JWT) +([\w-]+\.[\w-]+\.[\w-]+)$/i;

function tokenIn({ headers }: FastifyRequest): string | undefined {
  return SCHEME.exec(headers.authorization ?? '')?.[1];
}

/** Lets a request pass if it carries a valid login token. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly tokens: TokenService) {}

  /** @throws Problem LOGIN_REQUIRED */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = tokenIn(request);
    if (!token) throw new Problem('LOGIN_REQUIRED');
    request.login = await this.tokens.verify(token);
    return true;
  }
}

/** Parameter decorator: the {@link Login} that AuthGuard verified. */
export const CurrentLogin = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { login } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!login) throw new Error('CurrentLogin needs a route with @LoggedIn()');
  return login;
});

/** Parameter decorator of a public route: the request's login token, not verified; undefined without one. */
export const GivenToken = createParamDecorator((_: unknown, context: ExecutionContext) =>
  tokenIn(context.switchToHttp().getRequest<FastifyRequest>()),
);
