import { Injectable } from '@nestjs/common';
import { Via } from '../audit/audit-event.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { TokenOwner, TokenService } from './token.service.js';

/** An account that proved itself, and when it was read: what a login token is made of. */
export interface Proven<Account extends TokenOwner = TokenOwner> {
  readonly account: Account & { readonly isActive: boolean };
  /** Milliseconds since the epoch. The proof holds for the account as it was at this moment. */
  readonly asOf: number;
}

/** How somebody signed in. */
export interface SignIn {
  readonly via: Via;
  readonly client: Client;
  /** Of a QQ login: for the time of its last login. */
  readonly openid?: string;
}

/** A person who is signed in: the answer of every route that issues a token. */
export interface SignedInAccount<Account extends TokenOwner = TokenOwner> {
  readonly token: string;
  readonly account: Account;
}

/** Milliseconds. A proof this young has not waited for a hash. */
const FRESH_FOR = 500;

/** The one place where a person gets a login token. */
@Injectable()
export class SignIns {
  constructor(
    private readonly tokens: TokenService,
    private readonly writer: AuditWriter,
  ) {}

  /**
   * Records the login and issues its token.
   *
   * A token ends with every revocation after `asOf`, so one that is issued too late is dead. Services that check the
   * signature alone would accept it all the same: so a proof that waited is compared with the revocations here.
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
