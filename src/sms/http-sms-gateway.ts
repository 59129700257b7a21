import { OnApplicationShutdown } from '@nestjs/common';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { UpstreamFault } from '../upstream/upstream-fault.js';
import { Upstream } from '../upstream/upstream.js';
import { Delivery, GATEWAY_TIMEOUT_MS, SmsGateway, smsText } from './sms-gateway.js';
import { ServiceError } from '../common/service-error.js';

/** POSTs `{mobile, code, text}` as JSON with a bearer key. Any 2xx is sent, whatever becomes of its body. */
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

  async send(mobile: string, code: string): Promise<Delivery> {
    const status = await this.post(JSON.stringify({ mobile, code, text: smsText(code) }));
    // 504: the gateway behind this one did not answer in time.
    if (status === undefined || status === 504) return 'unknown';
    if (status >= 200 && status <= 299) return 'accepted';
    throw new Problem('SMS_UNAVAILABLE', { cause: new ServiceError(`the SMS gateway answered ${status}`) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.upstream.close();
  }

  /** The status; undefined when none came though the message may have been sent. */
  private async post(body: string): Promise<number | undefined> {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${this.config.SMS_HTTP_KEY}`,
    };
    try {
      const call = { method: 'POST', path: this.path, headers, body, statusOnly: true } as const;
      return (await this.upstream.call(call)).status;
    } catch (cause) {
      if (!(cause instanceof UpstreamFault)) throw cause;
      if (cause.maybeSent) return undefined;
      throw new Problem('SMS_UNAVAILABLE', { cause });
    }
  }
}
