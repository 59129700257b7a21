/** Milliseconds for all gateway calls for one message, so that the requester gets an answer within five seconds. */
export const GATEWAY_TIMEOUT_MS = 4000;

/** `unknown`: the gateway may have sent the message. It is treated as sent. */
export type Delivery = 'accepted' | 'unknown';

/** Sends SMS. Each vendor is one subclass, chosen in sms.module.ts. */
export abstract class SmsGateway {
  /**
   * Gives the code to the gateway. An error means for certain that the message was not sent.
   * @throws Problem SMS_UNAVAILABLE when the gateway refuses or cannot be reached
   */
  abstract send(mobile: string, code: string): Promise<Delivery>;
}

/** The text of the SMS. */
export function smsText(code: string): string {
  return `验证码${code}，5分钟内有效。请勿告诉他人。`;
}
