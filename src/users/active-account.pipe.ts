import { Injectable, PipeTransform } from '@nestjs/common';
import { CurrentLogin } from '../auth/auth.guard.js';
import { Login } from '../auth/token.service.js';
import { Problem } from '../common/problem.js';
import { Account, UsersService } from './users.service.js';

/** Finds the account of a login. It may have been disabled or removed since. */
@Injectable()
export class ActiveAccountPipe implements PipeTransform<Login, Promise<Account>> {
  constructor(private readonly users: UsersService) {}

  /** @throws Problem LOGIN_REQUIRED */
  async transform({ userId }: Login): Promise<Account> {
    const account = await this.users.findById(userId);
    if (!account?.isActive) throw new Problem('LOGIN_REQUIRED');
    return account;
  }
}

/** Parameter decorator of a route with `@LoggedIn()`: the logged-in {@link Account}. One SQL statement. */
export const CurrentAccount = (): ParameterDecorator => CurrentLogin(ActiveAccountPipe);
