import { createHash, timingSafeEqual } from 'node:crypto';
import { Body, Controller, Headers, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { TokenService } from '../auth/token.service.js';
import { AnswersProblems, Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { IntrospectDto, Introspection } from './introspection.dto.js';
import { UsersService } from './users.service.js';

/** Tells the shop's other services whether a login token is valid (RFC 7662). Off without `INTROSPECTION_KEY`. */
@ApiTags('登录')
@Controller('authorizations/introspection')
export class IntrospectionController {
  constructor(
    private readonly config: Config,
    private readonly tokens: TokenService,
    private readonly users: UsersService,
  ) {}

  /** @throws Problem NOT_FOUND when it is off, LOGIN_REQUIRED without the key */
  @Post()
  @HttpCode(200)
  @ApiBearerAuth('introspection')
  @ApiOperation({
    summary: '登录令牌是否仍有效',
    description: '给商城的其他服务用（RFC 7662）。请求头 `Authorization: Bearer <INTROSPECTION_KEY>`。',
  })
  @ApiOkResponse({ type: Introspection })
  @AnswersProblems('REQUEST_INVALID', 'LOGIN_REQUIRED', 'NOT_FOUND')
  async introspect(
    @Headers('authorization') authorization: string | undefined,
    @Body() { token }: IntrospectDto,
  ): Promise<Introspection> {
    const { INTROSPECTION_KEY: key } = this.config;
    if (!key) throw new Problem('NOT_FOUND');
    if (!equal(authorization ?? '', `Bearer ${key}`)) throw new Problem('LOGIN_REQUIRED');
    const login = await this.tokens.find(token);
    const account = login && (await this.users.findById(login.userId));
    return new Introspection(account?.isActive ? login : undefined, account ?? undefined);
  }
}

/** Compares in constant time. Both digests have the same length. */
function equal(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a!, b!);
}
