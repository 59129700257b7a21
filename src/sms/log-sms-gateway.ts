import { Logger } from '@nestjs/common';
import { Delivery, SmsGateway, smsText } from './sms-gateway.js';

/** Writes SMS to the log: for development only. The configuration refuses it in production. */
export class LogSmsGateway extends SmsGateway {
  private readonly logger = new Logger('SMS');

  send(mobile: string, code: string): Promise<Delivery> {
    this.logger.log(`to ${mobile}: ${smsText(code)}`);
    return Promise.resolve('accepted');
  }
}
