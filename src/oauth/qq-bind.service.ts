import { Injectable, Logger } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { Problem } from '../common/problem.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { refuseCommon } from '../users/password-policy.js';
import { Account, AccountWithPassword, Proven, UsersService } from '../users/users.service.js';
import { BindReceipts } from './bind-receipts.js';
import { BindGrant, BindTokenService } from './bind-token.service.js';
import { QqBindings } from './qq-bindings.js';
import { QqIdentity } from './qq-client.js';

export interface BindRequest {
  readonly mobile: string;
  readonly password: string;
  readonly smsCode: string;
  readonly bindToken: string;
  /** The browser's cookie. */
  readonly browser: string | undefined;
  readonly client: Client;
}

/** The story of one bind: three proofs, one transaction, one answer however often it is asked for. */
@Injectable()
export class QqBindService {
  private readonly logger = new Logger(QqBindService.name);

  constructor(
    private readonly bindings: QqBindings,
    private readonly bindTokens: BindTokenService,
    private readonly dataSource: DataSource,
    private readonly events: AccountEvents,
    private readonly limits: Limits,
    private readonly passwords: PasswordHasher,
    private readonly receipts: BindReceipts,
    private readonly smsCodes: SmsCodeService,
    private readonly users: UsersService,
  ) {}

  /**
   * The account that a QQ logs in to; undefined for a QQ that nobody knows yet.
   * @throws Problem ACCOUNT_DISABLED, QQ_CONFLICT
   */
  async findUser(identity: QqIdentity, client: Client): Promise<Proven | undefined> {
    const asOf = Date.now();
    const account = await this.bindings.findAccount(identity, client);
    if (account && !account.isActive) throw new Problem('ACCOUNT_DISABLED', { userId: account.id });
    return account && { account, asOf };
  }

  /**
   * Binds the token's QQ to the account of the mobile, or to a new one. The same request again gives the same
   * success: for five minutes after, while it runs, and when the process died before it could answer.
   * @throws Problem BIND_TOKEN_INVALID, SMS_CODE_INVALID, PASSWORD_INVALID, ACCOUNT_DISABLED, QQ_ALREADY_BOUND,
   *   MOBILE_TAKEN, REQUEST_INVALID (a new account's password is too common), TOO_MANY_REQUESTS, OVERLOADED
   */
  async bind(request: BindRequest): Promise<Proven> {
    const grant = this.bindTokens.verify(request.bindToken, request.browser);
    await this.limits.take({ 'binds-per-token': grant.tokenId, 'binds-per-ip': request.client.network });
    const earlier = await this.earlierBind(grant, request);
    if (earlier) return earlier;
    // Around everything, so that a code goes back only when no bind of it can be found: where the answer to the
    // commit was lost and the database stays away, it goes back too, and its owner may use it once more.
    return this.smsCodes.spending(request.mobile, request.smsCode, async (spend) => {
      try {
        return await this.bindOnce(grant, request, spend);
      } catch (error) {
        // This request's twin may have won in the meantime, or the commit itself, whose answer was lost.
        const earlier = await this.earlierBind(grant, request);
        if (earlier) return earlier;
        throw error;
      }
    });
  }

  private async bindOnce(
    grant: BindGrant,
    request: BindRequest,
    spend: () => Promise<void>,
  ): Promise<Proven> {
    const { mobile, smsCode } = request;
    // The code goes before the password: without the phone, nobody learns whether a password is right.
    await this.smsCodes.check(mobile, smsCode);
    const asOf = Date.now();
    const known = await this.users.findByMobile(mobile);
    const owner = known ? await this.proven(known, request) : await this.newcomer(request);
    const account = await this.dataSource.transaction((tx) => this.write(owner, grant, request, spend, tx));
    this.logger.log('QQ bound', { userId: account.id, newcomer: !known });
    return { account, asOf };
  }

  private async proven(
    known: AccountWithPassword,
    { password, client }: BindRequest,
  ): Promise<AccountWithPassword> {
    const { id: userId, isActive } = known;
    const right = await this.passwords.matches(password, known, client, 'proven');
    if (!right) throw new Problem('PASSWORD_INVALID', { userId });
    if (!isActive) throw new Problem('ACCOUNT_DISABLED', { userId });
    return known;
  }

  private async newcomer({
    mobile,
    password,
    client,
  }: BindRequest): Promise<{ mobile: string; password: string }> {
    refuseCommon(password, { mobile });
    return { mobile, password: await this.passwords.hash(password, client) };
  }

  /** The account if it is new, the binding, the trail; then the receipt; and the code is spent last. */
  private async write(
    owner: AccountWithPassword | { mobile: string; password: string },
    grant: BindGrant,
    request: BindRequest,
    spend: () => Promise<void>,
    tx: EntityManager,
  ): Promise<Account> {
    const newcomer = !('id' in owner);
    const account = newcomer ? await this.users.register(owner, tx) : owner;
    await this.bindings.add(grant.identity, account.id, tx);
    const said = { userId: account.id, client: request.client, openid: grant.identity.openid } as const;
    const registered = newcomer ? ([{ ...said, event: 'registered', via: 'qq' }] as const) : [];
    await this.events.record([...registered, { ...said, event: 'bound', via: 'sms' }], tx);
    // From here to the end of the transaction, the QQ's unique index keeps every other bind of it waiting.
    await this.receipts.write(grant, request);
    await spend();
    return account;
  }

  /**
   * The success of this very request, if it has had it.
   * @throws Problem BIND_TOKEN_INVALID when another request has used the token
   */
  private async earlierBind(grant: BindGrant, request: BindRequest): Promise<Proven | undefined> {
    const seen = await this.receipts.look(grant, request);
    if (seen === 'void') throw new Problem('BIND_TOKEN_INVALID');
    if (seen === 'none') return undefined;
    const asOf = Date.now();
    // A receipt without its row: that bind is still running (then this waits for its end), or came to nothing.
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
