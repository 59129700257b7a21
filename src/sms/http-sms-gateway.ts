import { OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'undici';
import { Problem } from '../common/problem.js';
import { SmsGateway, smsText } from './sms-gateway.js';

const TIMEOUT_MS = 5000;

/** POSTs `{mobile, code, text}` as JSON with a bearer key; any 2xx is sent. */
export class HttpSmsGateway extends SmsGateway implements OnApplicationShutdown {
  private readonly pool: Pool;
  private readonly path: string;

  constructor(
    url: string,
    private readonly key: string,
  ) {
    super();
    const { origin, pathname, search } = new URL(url);
    this.pool = new Pool(origin, { connect: { timeout: TIMEOUT_MS } });
    this.path = pathname + search;
  }

  async send(mobile: string, code: string): Promise<void> {
    const status = await this.post(JSON.stringify({ mobile, code, text: smsText(code) }));
    if (status < 200 || status > 299) {
      throw new Problem('SMS_UNAVAILABLE', { cause: new Error(`the SMS gateway answered ${status}`) });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }

  private async post(body: string): Promise<number> {
    try {
      const { statusCode, body: answer } = await this.pool.request({
        path: this.path,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.dump();
      return statusCode;
    } catch (cause) {
      throw new Problem('SMS_UNAVAILABLE', { cause });
    }
  }
}
