import { Injectable } from '@nestjs/common';
import { TokenService } from '../auth/token.service.js';
import { INVALID_MOBILE } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { UsersService } from './users.service.js';

/** Finds the mobile of a logged-in person, so that a code can be sent without typing it. */
@Injectable()
export class OwnMobiles {
  constructor(
    private readonly tokens: TokenService,
    private readonly users: UsersService,
  ) {}

  /**
   * Checks the login of a request.
   * @param token the login token of the request, if it has one
   * @returns a function that finds the account's mobile with one SQL statement, and throws LOGIN_REQUIRED
   * @throws Problem REQUEST_INVALID without a token, because the request then has to name a mobile; LOGIN_REQUIRED
   */
  async of(token: string | undefined): Promise<() => Promise<string>> {
    if (token === undefined) throw Problem.field('mobile', INVALID_MOBILE);
    const { userId } = await this.tokens.verify(token);
    return async () => {
      const account = await this.users.findById(userId);
      if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
      return account.mobile;
    };
  }
}
