import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { Upstream } from '../upstream/upstream.js';
import {
  Delivery,
  deliveryAfter,
  GATEWAY_TIMEOUT_MS,
  GatewayOptions,
  SmsGateway,
  smsText,
} from './sms-gateway.js';
import { ServiceError } from '../common/service-error.js';

/**
 * POSTs `{mobile, code, text}` as JSON with a bearer key. Any 2xx means "sent", whatever its body; with
 * `SMS_HTTP_SUCCESS` the JSON body has to say so.
 */
export class HttpSmsGateway extends SmsGateway {
  private readonly upstream: Upstream;
  private readonly path: string;

  constructor(
    private readonly config: Config,
    { connectTimeoutMs }: GatewayOptions = {},
  ) {
    super();
    const { SMS_HTTP_URL: url } = config;
    const timeoutMs = GATEWAY_TIMEOUT_MS;
    this.upstream = new Upstream({ name: 'sms', url, timeoutMs, connectTimeoutMs, proxy: config });
    const { pathname, search } = new URL(url);
    this.path = pathname + search;
  }

  /** @throws Problem SMS_UNAVAILABLE */
  async send(mobile: string, code: string, timeoutMs = GATEWAY_TIMEOUT_MS): Promise<Delivery> {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${this.config.SMS_HTTP_KEY}`,
    };
    const body = JSON.stringify({ mobile, code, text: smsText(code) });
    // The body is read only if it decides. A fault while reading it must not turn a sent message into a failed one.
    const statusOnly = this.config.SMS_HTTP_SUCCESS === undefined;
    const call = { method: 'POST', path: this.path, headers, body, statusOnly, timeoutMs } as const;
    const answer = await this.upstream.call(call).catch(deliveryAfter);
    // 504: a gateway behind this one did not answer in time.
    if (answer === 'unknown' || answer.status === 504) return 'unknown';
    const { status, text } = answer;
    if (status < 200 || status > 299) throw refused(`the SMS gateway answered ${status}`);
    if (!this.saysSent(text)) throw refused('the SMS gateway did not say SMS_HTTP_SUCCESS');
    return 'accepted';
  }

  override async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  /** Some gateways answer 200 to everything. For them, only the field and value of `SMS_HTTP_SUCCESS` mean "sent". */
  private saysSent(text: string): boolean {
    const [, field = '', value] = /^([^=]+)=(.+)$/s.exec(this.config.SMS_HTTP_SUCCESS ?? '') ?? [];
    return value === undefined || fieldOf(text, field) === value;
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
