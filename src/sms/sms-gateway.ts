import { OnApplicationShutdown } from '@nestjs/common';
import { Problem } from '../common/problem.js';
import { UpstreamFault } from '../upstream/upstream-fault.js';

/** Milliseconds for all gateway calls for one message, so that the requester gets an answer within five seconds. */
export const GATEWAY_TIMEOUT_MS = 4000;

/** `unknown`: the gateway may have sent the message. It is treated as sent. */
export type Delivery = 'accepted' | 'unknown';

/** How a gateway shares the time with other gateways. */
export interface GatewayOptions {
  /** Milliseconds for connecting: a gateway that does not accept connections leaves time for the next one. */
  readonly connectTimeoutMs?: number;
}

/** Sends SMS. Each vendor is one subclass, opened in open-gateway.ts. */
export abstract class SmsGateway implements OnApplicationShutdown {
  /**
   * Gives the code to the gateway. An error means for certain that the message was not sent.
   * @param timeoutMs milliseconds for the whole call
   * @throws Problem SMS_UNAVAILABLE when the gateway refuses or cannot be reached; TOO_MANY_REQUESTS and
   *   REQUEST_INVALID when it refuses this number
   */
  abstract send(mobile: string, code: string, timeoutMs?: number): Promise<Delivery>;

  /** Closes the gateway's connections. */
  onApplicationShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The delivery after a call without an answer.
 * @throws Problem SMS_UNAVAILABLE when it certainly was not sent
 */
export function deliveryAfter(cause: unknown): 'unknown' {
  if (!(cause instanceof UpstreamFault)) throw cause;
  if (cause.maybeSent) return 'unknown';
  throw new Problem('SMS_UNAVAILABLE', { cause });
}

/** The text of the SMS. */
export function smsText(code: string): string {
  return `验证码${code}，5分钟内有效。请勿告诉他人。`;
}
