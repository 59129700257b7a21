import { Injectable, Logger } from '@nestjs/common';
import { Login } from '../auth/token.service.js';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Limits } from '../limits/limits.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { BindOwners } from './bind-owners.js';
import { BindRepeats } from './bind-repeats.js';
import { BindTokenService } from './bind-token.service.js';
import { BindTransaction } from './bind-transaction.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';

export interface AddQqRequest {
  readonly login: Login;
  readonly password: string;
  readonly smsCode: string;
  readonly bindToken: string;
  /** The browser's cookie. */
  readonly browser: string | undefined;
  readonly client: Client;
}

/** Adds a QQ to a logged-in person's account, with the same two proofs as a bind: the phone and the password. */
@Injectable()
export class AddQqService {
  private readonly logger = new Logger(AddQqService.name);

  constructor(
    private readonly bindTokens: BindTokenService,
    private readonly limits: Limits,
    private readonly owners: BindOwners,
    private readonly repeats: BindRepeats,
    private readonly smsCodes: SmsCodeService,
    private readonly transaction: BindTransaction,
  ) {}

  /**
   * Binds one more QQ. `smsCode` was sent to the account's own mobile.
   * @throws Problem BIND_TOKEN_INVALID, SMS_CODE_INVALID, PASSWORD_INVALID, QQ_ALREADY_BOUND, LOGIN_REQUIRED,
   *   TOO_MANY_REQUESTS, OVERLOADED
   */
  async add(request: AddQqRequest): Promise<OAuthQQUser> {
    const { login, password, smsCode, client } = request;
    await this.limits.take({ 'binds-per-ip': client.network });
    const grant = this.bindTokens.verify(request.bindToken, request.browser);
    const account = await this.owners.activeAccount(login.userId);
    const mark = { mobile: account.mobile, smsCode };
    if (await this.repeats.find(grant, { ...mark, password, client })) throw new Problem('QQ_ALREADY_BOUND');
    await this.limits.take({ 'binds-per-token': grant.tokenId });
    await this.smsCodes.check(account.mobile, smsCode);
    const owner = await this.owners.loggedIn(account, password, client);
    const { binding } = await this.smsCodes.spending(account.mobile, smsCode, client, (spend) =>
      this.transaction.commit({ owner, grant, mark, client, login, spend }),
    );
    this.logger.log('QQ added', { requestId: client.requestId, userId: login.userId });
    return binding;
  }
}
