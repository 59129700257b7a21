import { Injectable } from '@nestjs/common';
import { Via } from '../audit/audit-event.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { TokenOwner, TokenService } from './token.service.js';

/** An account whose owner has proved who they are, and when it was read. A login token is made from it. */
export interface Proven<Account extends TokenOwner = TokenOwner> {
  readonly account: Account & { readonly isActive: boolean };
  /** Milliseconds since the epoch. The proof is about the account as it was at this moment. */
  readonly asOf: number;
}

/** How a person signed in. */
export interface SignIn {
  readonly via: Via;
  readonly client: Client;
  /** Set for a QQ login, to record when this QQ last logged in. */
  readonly openid?: string;
}

/** A signed-in person: the answer of every route that issues a token. */
export interface SignedInAccount<Account extends TokenOwner = TokenOwner> {
  readonly token: string;
  readonly account: Account;
}

/** Milliseconds. A younger proof has not waited for a hash. */
const FRESH_FOR = 500;

/** The only place that gives a person a login token. */
@Injectable()
export class SignIns {
  constructor(
    private readonly tokens: TokenService,
    private readonly writer: AuditWriter,
  ) {}

  /**
   * Records the login and issues its token.
   *
   * A revocation ends every token whose `asOf` is older. Services that check only the signature would still accept a
   * token that was issued after the revocation, so an old proof is compared with the revocations here.
   * @throws Problem ACCOUNT_DISABLED; LOGIN_REQUIRED when the account's logins were ended after the proof
   */
  async open<Account extends TokenOwner>(
    { account, asOf }: Proven<Account>,
    { via, client, openid }: SignIn,
  ): Promise<SignedInAccount<Account>> {
    const { id: userId } = account;
    if (!account.isActive) throw new Problem('ACCOUNT_DISABLED', { userId });
    if (Date.now() - asOf > FRESH_FOR && (await this.tokens.endedSince(userId, asOf))) {
      throw new Problem('LOGIN_REQUIRED', { userId });
    }
    this.writer.recordLater({ event: 'logged_in', via, userId, client, openid });
    return { token: this.tokens.issue(account, asOf), account };
  }
}
