import { OnApplicationShutdown } from '@nestjs/common';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { UpstreamFault } from '../upstream/upstream-fault.js';
import { Upstream, UpstreamAnswer } from '../upstream/upstream.js';
import { Delivery, GATEWAY_TIMEOUT_MS, SmsGateway, smsText } from './sms-gateway.js';
import { ServiceError } from '../common/service-error.js';

/**
 * POSTs `{mobile, code, text}` as JSON with a bearer key. Any 2xx means "sent", whatever its body; with
 * `SMS_HTTP_SUCCESS` the JSON body has to say so.
 */
export class HttpSmsGateway extends SmsGateway implements OnApplicationShutdown {
  private readonly upstream: Upstream;
  private readonly path: string;

  constructor(private readonly config: Config) {
    super();
    const { SMS_HTTP_URL: url } = config;
    this.upstream = new Upstream({ name: 'sms', url, timeoutMs: GATEWAY_TIMEOUT_MS, proxy: config });
    const { pathname, search } = new URL(url);
    this.path = pathname + search;
  }

  /** @throws Problem SMS_UNAVAILABLE */
  async send(mobile: string, code: string): Promise<Delivery> {
    const answer = await this.post(JSON.stringify({ mobile, code, text: smsText(code) }));
    // 504: a gateway behind this one did not answer in time.
    if (answer === undefined || answer.status === 504) return 'unknown';
    const { status, text } = answer;
    if (status < 200 || status > 299) throw refused(`the SMS gateway answered ${status}`);
    if (!this.saysSent(text)) throw refused('the SMS gateway did not say SMS_HTTP_SUCCESS');
    return 'accepted';
  }

  async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  /** Some gateways answer 200 to everything. For them, only the field and value of `SMS_HTTP_SUCCESS` mean "sent". */
  private saysSent(text: string): boolean {
    const [, field = '', value] = /^([^=]+)=(.+)$/s.exec(this.config.SMS_HTTP_SUCCESS ?? '') ?? [];
    return value === undefined || fieldOf(text, field) === value;
  }

  /** The answer; undefined when there is none and the message may have been sent. */
  private async post(body: string): Promise<UpstreamAnswer | undefined> {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${this.config.SMS_HTTP_KEY}`,
    };
    try {
      // The body is read only if it decides. A fault while reading it must not turn a sent message into a failed one.
      const statusOnly = this.config.SMS_HTTP_SUCCESS === undefined;
      return await this.upstream.call({ method: 'POST', path: this.path, headers, body, statusOnly });
    } catch (cause) {
      if (!(cause instanceof UpstreamFault)) throw cause;
      if (cause.maybeSent) return undefined;
      throw new Problem('SMS_UNAVAILABLE', { cause });
    }
  }
}

const refused = (why: string): Problem => new Problem('SMS_UNAVAILABLE', { cause: new ServiceError(why) });

/** A field of a JSON object as text; undefined if it is missing. */
function fieldOf(text: string, field: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || !Object.hasOwn(answer, field)) return undefined;
    return String((answer as Record<string, unknown>)[field]);
  } catch {
    // JSON.parse throws only SyntaxError: the answer is not JSON.
    return undefined;
  }
}
