import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { Problem } from '../common/problem.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { CredentialsService } from '../users/credentials.service.js';
import { Account, UsersService } from '../users/users.service.js';
import { BindReceipts } from './bind-receipts.js';
import { BindTokenService } from './bind-token.service.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqBindings } from './qq-bindings.js';

/** A bound QQ as its owner sees it. */
export interface BoundQq {
  readonly id: number;
  readonly boundAt: Date;
  readonly lastLoginAt: Date | null;
  /** The end of the openid: enough to tell two apart. */
  readonly openidHint: string;
}

export interface AddQqRequest {
  readonly userId: number;
  readonly password: string;
  readonly bindToken: string;
  readonly browser: string | undefined;
  readonly client: Client;
}

/** What a logged-in person does with the account's QQs. */
@Injectable()
export class AccountQqsService {
  private readonly logger = new Logger(AccountQqsService.name);

  constructor(
    private readonly bindings: QqBindings,
    private readonly bindTokens: BindTokenService,
    private readonly credentials: CredentialsService,
    private readonly dataSource: DataSource,
    private readonly events: AccountEvents,
    private readonly limits: Limits,
    private readonly receipts: BindReceipts,
    private readonly users: UsersService,
  ) {}

  async list({ id }: Pick<Account, 'id'>): Promise<BoundQq[]> {
    const [bindings, lastLogins] = await Promise.all([this.bindings.of(id), this.events.lastLogins(id)]);
    return bindings.map((binding) => boundQq(binding, lastLogins.get(this.events.hashOf(binding.openid))));
  }

  /**
   * Binds one more QQ. The login and the password are the proof; no SMS.
   * @throws Problem BIND_TOKEN_INVALID, PASSWORD_INVALID, QQ_ALREADY_BOUND, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async add({ userId, password, bindToken, browser, client }: AddQqRequest): Promise<BoundQq> {
    const grant = this.bindTokens.verify(bindToken, browser);
    await this.limits.take({ 'binds-per-token': grant.tokenId, 'binds-per-ip': client.network });
    await this.refuseUsed(grant);
    const { openid } = grant.identity;
    await this.users.confirmPassword(userId, password, client);
    const binding = await this.dataSource.transaction(async (tx) => {
      const added = await this.bindings.add(grant.identity, userId, tx);
      await this.events.record([{ event: 'bound', via: 'password', userId, openid, client }], tx);
      await this.receipts.write(grant, { mobile: '', smsCode: '' });
      return added;
    });
    this.logger.log('QQ added', { userId });
    return boundQq(binding, undefined);
  }

  /**
   * Unbinds a QQ, ends the account's older tokens, and the bind tokens of that QQ.
   * @throws Problem NOT_FOUND, PASSWORD_INVALID, LOGIN_REQUIRED, TOO_MANY_REQUESTS, OVERLOADED
   */
  async unbind(id: number, userId: number, password: string, client: Client): Promise<void> {
    await this.users.confirmPassword(userId, password, client);
    await this.credentials.ending(userId, async (tx) => {
      const binding = await tx.findOne(OAuthQQUser, { where: { id, userId } });
      const { affected } = binding ? await tx.delete(OAuthQQUser, { id, userId }) : { affected: 0 };
      if (!binding || affected === 0) throw new Problem('NOT_FOUND');
      const { openid } = binding;
      await this.events.record([{ event: 'unbound', via: 'password', userId, openid, client }], tx);
      await this.receipts.close(openid);
    });
    this.logger.log('QQ unbound', { userId });
  }

  private async refuseUsed(grant: Parameters<BindReceipts['look']>[0]): Promise<void> {
    const seen = await this.receipts.look(grant, { mobile: '', smsCode: '' });
    const used = seen === 'void' || (seen !== 'none' && (await this.bindings.awaitAccount(grant.identity)));
    if (used) throw new Problem('BIND_TOKEN_INVALID');
  }
}

function boundQq({ id, createTime, openid }: OAuthQQUser, lastLoginAt: Date | undefined): BoundQq {
  return { id, boundAt: createTime, lastLoginAt: lastLoginAt ?? null, openidHint: `****${openid.slice(-4)}` };
}
