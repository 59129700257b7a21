import { Injectable, Logger } from '@nestjs/common';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { Account } from '../users/users.service.js';
import { BindOwners } from './bind-owners.js';
import { BindRepeats } from './bind-repeats.js';
import { BindGrant, BindTokenService } from './bind-token.service.js';
import { BindTransaction } from './bind-transaction.js';

export interface BindRequest {
  readonly mobile: string;
  readonly password: string;
  readonly smsCode: string;
  readonly bindToken: string;
  readonly termsVersion?: string | undefined;
  /** The browser's cookie. */
  readonly browser: string | undefined;
  readonly client: Client;
}

/** Binds a QQ to an account: three proofs, one transaction, and the same answer to a repeated request. */
@Injectable()
export class QqBindService {
  private readonly logger = new Logger(QqBindService.name);

  constructor(
    private readonly bindTokens: BindTokenService,
    private readonly limits: Limits,
    private readonly owners: BindOwners,
    private readonly repeats: BindRepeats,
    private readonly smsCodes: SmsCodeService,
    private readonly transaction: BindTransaction,
  ) {}

  /**
   * Binds the token's QQ to the mobile's account, or to a new one. The same request gets the same success again: while
   * it runs, for five minutes after it, and when the process died before it answered.
   * @throws Problem BIND_TOKEN_INVALID, SMS_CODE_INVALID, PASSWORD_INVALID, ACCOUNT_DISABLED, QQ_ALREADY_BOUND,
   *   MOBILE_TAKEN, TERMS_REQUIRED, REQUEST_INVALID (a new account's password is weak), TOO_MANY_REQUESTS, OVERLOADED
   */
  async bind(request: BindRequest): Promise<Proven<Account>> {
    await this.limits.take({ 'binds-per-ip': request.client.network });
    const grant = this.bindTokens.verify(request.bindToken, request.browser);
    const earlier = await this.repeats.find(grant, request);
    if (earlier) return earlier;
    await this.limits.take({ 'binds-per-token': grant.tokenId });
    // `spending` wraps everything, so that a code is put back only if no bind of it is found. If the answer to the
    // commit was lost and the database stays away, the code is put back too, and its owner may use it again.
    return this.smsCodes.spending(request.mobile, request.smsCode, request.client, async (spend) => {
      try {
        return await this.bindOnce(grant, request, spend);
      } catch (error) {
        // This same request may have won in the meantime, or the commit succeeded and its answer was lost.
        const found = await this.repeats.find(grant, request);
        if (found) return found;
        throw error;
      }
    });
  }

  private async bindOnce(
    grant: BindGrant,
    request: BindRequest,
    spend: () => Promise<void>,
  ): Promise<Proven<Account>> {
    const { mobile, smsCode, client } = request;
    // The code is checked before the password: without the phone, nobody learns whether a password is right.
    await this.smsCodes.check(mobile, smsCode);
    const owner = await this.owners.ofMobile(request);
    const { account } = await this.transaction.commit({ owner, grant, mark: request, client, spend });
    const { requestId } = client;
    this.logger.log('QQ bound', { requestId, userId: account.id, newcomer: !owner.existing });
    return { account, asOf: owner.asOf };
  }
}
