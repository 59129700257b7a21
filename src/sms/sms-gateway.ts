/** Milliseconds for all that is asked of gateways for one message, so that its sender is answered within five seconds. */
export const GATEWAY_TIMEOUT_MS = 4000;

/** `unknown`: the gateway may have sent the message, or not. It is treated as sent. */
export type Delivery = 'accepted' | 'unknown';

/** Sends an SMS. The seam for gateways: one class a vendor, chosen in sms.module.ts. */
export abstract class SmsGateway {
  /**
   * Hands the code over for sending. Whatever it throws is certain: the message was not sent.
   * @throws Problem SMS_UNAVAILABLE when the gateway refuses or cannot be reached
   */
  abstract send(mobile: string, code: string): Promise<Delivery>;
}

/** What the shopper reads. */
export function smsText(code: string): string {
  return `验证码${code}，5分钟内有效。请勿告诉他人。`;
}
