import { Logger } from '@nestjs/common';
import { SmsGateway, smsText } from './sms-gateway.js';

/** Writes the SMS into the log: for development alone, the configuration refuses it in production. */
export class LogSmsGateway extends SmsGateway {
  private readonly logger = new Logger('SMS');

  send(mobile: string, code: string): Promise<void> {
    this.logger.log(`to ${mobile}: ${smsText(code)}`);
    return Promise.resolve();
  }
}
