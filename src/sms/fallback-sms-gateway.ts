import { Logger } from '@nestjs/common';
import { describeError } from '../common/describe-error.js';
import { Problem } from '../common/problem.js';
import { Delivery, GATEWAY_TIMEOUT_MS, SmsGateway } from './sms-gateway.js';

/**
 * Several gateways in order. The next one is used only if the previous one certainly did not send the message, and
 * only if the cause is the gateway itself. A refusal of the number is final, because it protects the number's owner.
 */
export class FallbackSmsGateway extends SmsGateway {
  private readonly logger = new Logger(FallbackSmsGateway.name);

  /** @param gateways by their names in `SMS_GATEWAY`, at least one */
  constructor(private readonly gateways: ReadonlyMap<string, SmsGateway>) {
    super();
  }

  /**
   * All gateways share the time of one message.
   * @throws Problem the last used gateway's
   */
  async send(mobile: string, code: string, timeoutMs = GATEWAY_TIMEOUT_MS): Promise<Delivery> {
    const deadline = performance.now() + timeoutMs;
    let refusal: unknown;
    for (const [name, gateway] of this.gateways) {
      const left = deadline - performance.now();
      if (left <= 0 && refusal) break;
      try {
        return await gateway.send(mobile, code, left);
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'SMS_UNAVAILABLE') throw error;
        refusal = error;
        this.logger.warn('SMS not sent by one of several gateways', {
          gateway: name,
          cause: describeError(error.cause),
        });
      }
    }
    throw refusal;
  }

  override async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.gateways.values()].map((gateway) => gateway.onApplicationShutdown()));
  }
}
