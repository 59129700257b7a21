import { Injectable } from '@nestjs/common';
import { DataSource, EntityManager } from 'typeorm';
import { Client } from '../common/client.js';
import { SmsCodeService } from '../sms/sms-code.service.js';

/** Transactions whose proof is an SMS code. */
@Injectable()
export class PhoneTransactions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly smsCodes: SmsCodeService,
  ) {}

  /**
   * Checks a code without spending it, for routes that need only a mobile and its code. A try that cannot succeed does
   * not count: otherwise anyone could use up the tries of any mobile.
   * @throws Problem SMS_CODE_INVALID, TOO_MANY_REQUESTS
   */
  async check(mobile: string, code: string, { network }: Client): Promise<void> {
    await this.smsCodes.check(mobile, code, network);
  }

  /**
   * Runs `work` in a transaction and spends the code as the last step before commit.
   * @throws Problem SMS_CODE_INVALID when another request has spent it
   */
  async run<T>(
    mobile: string,
    code: string,
    client: Client,
    work: (tx: EntityManager) => Promise<T>,
  ): Promise<T> {
    return this.smsCodes.spending(mobile, code, client, (spend) =>
      this.dataSource.transaction(async (tx) => {
        const result = await work(tx);
        await spend();
        return result;
      }),
    );
  }

  /**
   * Spends a code when nothing is written.
   * @throws Problem SMS_CODE_INVALID when another request has spent it
   */
  async spend(mobile: string, code: string, client: Client): Promise<void> {
    await this.smsCodes.spending(mobile, code, client, (spend) => spend());
  }
}
