import { Injectable } from '@nestjs/common';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { Account } from '../users/users.service.js';
import { BindReceipts, BindRequestMark } from './bind-receipts.js';
import { BindGrant } from './bind-token.service.js';
import { QqBindings } from './qq-bindings.js';

/** Recognizes a repeated bind request, whose answer was lost, and a second use of a bind token. */
@Injectable()
export class BindRepeats {
  constructor(
    private readonly bindings: QqBindings,
    private readonly passwords: PasswordHasher,
    private readonly receipts: BindReceipts,
  ) {}

  /**
   * The account of an earlier success of this same request; undefined if there was none.
   * @throws Problem BIND_TOKEN_INVALID when another request has used the token, or the QQ was unbound since
   */
  async find(
    grant: BindGrant,
    request: BindRequestMark & { readonly password: string; readonly client: Client },
  ): Promise<Proven<Account> | undefined> {
    const seen = await this.receipts.look(grant, request);
    if (seen === 'void') throw new Problem('BIND_TOKEN_INVALID');
    if (seen === 'none') return undefined;
    const asOf = Date.now();
    // A receipt without a row: that bind is still running (this waits for its end) or it failed.
    const account = await this.bindings.awaitAccount(grant.identity);
    if (!account) return undefined;
    const same =
      seen === 'same' &&
      account.mobile === request.mobile &&
      (await this.passwords.matches(request.password, account, request.client, 'proven'));
    if (!same || !account.isActive) throw new Problem('BIND_TOKEN_INVALID');
    return { account, asOf };
  }
}
