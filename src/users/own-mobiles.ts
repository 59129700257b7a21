import { Injectable } from '@nestjs/common';
import { TokenService } from '../auth/token.service.js';
import { INVALID_MOBILE } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { UsersService } from './users.service.js';

/** The mobile of whoever is logged in: a code can be sent there without typing it. */
@Injectable()
export class OwnMobiles {
  constructor(
    private readonly tokens: TokenService,
    private readonly users: UsersService,
  ) {}

  /**
   * @param token the login token of the request, if it has one
   * @throws Problem REQUEST_INVALID without a token: then the request has to name a mobile; LOGIN_REQUIRED
   */
  async of(token: string | undefined): Promise<string> {
    if (token === undefined) throw Problem.field('mobile', INVALID_MOBILE);
    const { userId } = await this.tokens.verify(token);
    const account = await this.users.findById(userId);
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    return account.mobile;
  }
}
