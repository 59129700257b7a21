/** Sends an SMS. The seam for gateways: one class a vendor, chosen in sms.module.ts. */
export abstract class SmsGateway {
  /**
   * Hands the code over for sending; resolves when the gateway has taken it.
   * @throws Problem SMS_UNAVAILABLE when the gateway refuses, times out or answers nonsense
   */
  abstract send(mobile: string, code: string): Promise<void>;
}

/** What the shopper reads. */
export function smsText(code: string): string {
  return `验证码${code}，5分钟内有效。请勿告诉他人。`;
}
