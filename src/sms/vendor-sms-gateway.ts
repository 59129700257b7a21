import { Logger } from '@nestjs/common';
import { maskMobile } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { ServiceError } from '../common/service-error.js';
import { Throttle } from '../common/throttle.js';
import { Config } from '../config/config.js';
import { Upstream, UpstreamAnswer, UpstreamCall } from '../upstream/upstream.js';
import { SMS_CODE_TTL } from './sms-code-store.js';
import { Delivery, deliveryAfter, GATEWAY_TIMEOUT_MS, GatewayOptions, SmsGateway } from './sms-gateway.js';

/** What an answer says about the message. */
export type Meaning =
  | { readonly outcome: 'sent' }
  /** The vendor does not say whether it sent the message. */
  | { readonly outcome: 'unknown' }
  /** This number has had too many messages; `retryAfter` seconds. */
  | { readonly outcome: 'limited'; readonly retryAfter: number }
  /** This number is wrong, or its owner wants no messages. */
  | { readonly outcome: 'number refused' }
  /** Balance, signature, template, key, the account's own limits: the shop has to act. */
  | { readonly outcome: 'shop refused' };

/** A parsed answer: the vendor's code and its meaning. */
export interface Reading {
  readonly code: string | undefined;
  readonly meaning: Meaning;
}

/** Milliseconds between two log lines with the same code. */
const SAME_LINE_MS = 10_000;
const MINUTES = String(SMS_CODE_TTL / 60);

/**
 * A vendor's SMS service. The vendor's SDK builds and signs the request, `Upstream` sends it: the HTTP clients of the
 * SDKs do not say whether a request was written before it failed, and Aliyun's knows no proxy.
 */
export abstract class VendorSmsGateway extends SmsGateway {
  private readonly logger = new Logger(VendorSmsGateway.name);
  private readonly throttle = new Throttle(SAME_LINE_MS);
  private readonly upstream: Upstream;

  /**
   * @param name the vendor's name in `SMS_GATEWAY`
   * @param url the vendor's endpoint
   */
  protected constructor(
    private readonly name: string,
    url: string,
    proxy: Config,
    { connectTimeoutMs }: GatewayOptions,
  ) {
    super();
    this.upstream = new Upstream({
      name: 'sms',
      url,
      timeoutMs: GATEWAY_TIMEOUT_MS,
      connectTimeoutMs,
      proxy,
    });
  }

  /** @throws Problem SMS_UNAVAILABLE, TOO_MANY_REQUESTS, REQUEST_INVALID */
  async send(mobile: string, code: string, timeoutMs = GATEWAY_TIMEOUT_MS): Promise<Delivery> {
    const request = await this.sign(mobile, code).catch((cause: unknown) => {
      throw new Problem('SMS_UNAVAILABLE', { cause });
    });
    const answer = await this.upstream.call({ ...request, timeoutMs }).catch(deliveryAfter);
    return answer === 'unknown' ? answer : this.settle(this.read(answer), mobile);
  }

  override async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  /** The vendor's request for one message, signed. */
  protected abstract sign(mobile: string, code: string): Promise<UpstreamCall>;

  /** Parses the vendor's answer. */
  protected abstract read(answer: UpstreamAnswer): Reading;

  private settle({ code, meaning }: Reading, mobile: string): Delivery {
    // The vendor sends the code, so only a value that looks like a code is logged.
    const said = code !== undefined && /^[\w.-]{1,80}$/.test(code) ? code : 'no readable code';
    const line = { gateway: this.name, code: said };
    const refused = { ...line, mobile: maskMobile(mobile) };
    const cause = new ServiceError(`${this.name} refused: ${said}`);
    if (meaning.outcome === 'sent') return 'accepted';
    if (meaning.outcome === 'unknown') {
      if (this.throttle.allows(said)) this.logger.warn('SMS gateway does not say whether it sent', line);
      return 'unknown';
    }
    if (meaning.outcome === 'limited') {
      this.logger.warn('SMS gateway limits a number', refused);
      throw new Problem('TOO_MANY_REQUESTS', { cause, retryAfter: meaning.retryAfter });
    }
    if (meaning.outcome === 'number refused') {
      this.logger.warn('SMS gateway refuses a number', refused);
      throw Problem.field('mobile', '该手机号无法接收短信，请换一个手机号');
    }
    if (this.throttle.allows(said)) this.logger.error('SMS gateway refuses the shop', line);
    throw new Problem('SMS_UNAVAILABLE', { cause });
  }
}

/** Whether the request may have been carried out: 500, 502 and 504 come from a server behind the one that answers. */
export const leavesOpen = (status: number): boolean =>
  (status >= 200 && status < 300) || status === 500 || status === 502 || status === 504;

/** A value of a template: `{code}` and `{minutes}` are replaced. */
export const templateValue = (value: string, code: string): string =>
  value.replaceAll('{code}', code).replaceAll('{minutes}', MINUTES);

/** Seconds until the vendors' next day begins, in Beijing. */
export function secondsOfToday(now = Date.now()): number {
  const inBeijing = Math.floor(now / 1000) + 8 * 3600;
  return 86_400 - (inBeijing % 86_400);
}

/** The object in a JSON text; empty for anything else. */
export function objectIn(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse throws only SyntaxError: the text is not JSON.
    return {};
  }
  return asObject(value);
}

/** The value if it is an object, otherwise an empty object. */
export const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
