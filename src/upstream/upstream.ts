import { Logger } from '@nestjs/common';
import { Histogram } from 'prom-client';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type ProxySettings, proxyAuthorization, proxyFor } from './proxy.js';
import { UpstreamFault } from './upstream-fault.js';

/** Which upstream is called, and how long a call may take. */
export interface UpstreamOptions {
  /** The label in the metrics: `qq`, `sms`. */
  readonly name: string;
  /** Any URL of the upstream. Calls go to its origin. */
  readonly url: string;
  /** Milliseconds for one call: waiting for a connection, connecting, sending and reading the whole answer. */
  readonly timeoutMs: number;
  /** Milliseconds for connecting alone, if the next upstream needs a part of the time. */
  readonly connectTimeoutMs?: number;
  readonly proxy: ProxySettings;
}

export interface UpstreamCall {
  readonly method: 'GET' | 'POST';
  /** Path and query, relative to the origin. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Resolves when the status arrives, with an empty `text`. Errors in the body are ignored. */
  readonly statusOnly?: boolean;
  /** Milliseconds, if this call has a shorter limit. */
  readonly timeoutMs?: number;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly text: string;
}

/** Simultaneous calls to one upstream. */
export const CONNECTIONS = 256;
/** Bytes of an answer that are read. Answers of QQ and SMS gateways have a few hundred. */
const LONGEST_ANSWER = 16_384;

export const upstreamSeconds = new Histogram({
  name: 'qq_account_upstream_seconds',
  help: 'Calls to QQ and SMS gateways, by outcome: the class of the status, or the code of the fault',
  labelNames: ['upstream', 'outcome'],
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8],
});

/**
 * The HTTP client for every upstream: a keep-alive pool for each origin with one call at a time on a connection, a
 * deadline for the whole call, a bounded answer, and the environment's proxy. It never retries: a QQ code works only
 * once, and an SMS may have been sent.
 */
export class Upstream {
  private readonly origin: string;
  private readonly dispatcher: Dispatcher;
  /** Precedes each path: a proxy needs the whole URL of an `http:` origin. */
  private readonly prefix: string;
  private readonly headers: Readonly<Record<string, string>>;

  constructor(private readonly options: UpstreamOptions) {
    const { origin, host } = new URL(options.url);
    const proxy = proxyFor(origin, options.proxy);
    const pool = {
      connections: CONNECTIONS,
      pipelining: 1,
      // The call's own deadline is the only time limit.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: options.connectTimeoutMs ?? options.timeoutMs,
    };
    if (proxy)
      new Logger('Upstream').log('Calls go through a proxy', { upstream: options.name, proxy: proxy.host });
    const authorization = proxy && proxyAuthorization(proxy);
    const absolute = proxy !== undefined && origin.startsWith('http:');
    this.origin = absolute ? proxy.origin : origin;
    this.prefix = absolute ? origin : '';
    this.headers = absolute ? { host, ...(authorization && { 'proxy-authorization': authorization }) } : {};
    this.dispatcher =
      proxy && !absolute
        ? new ProxyAgent({ ...pool, uri: proxy.origin, ...(authorization && { token: authorization }) })
        : new Pool(this.origin, pool);
  }

  /**
   * Makes one call. It is sent at most once.
   * @throws UpstreamFault when no complete answer arrived; it says whether the call may have been sent
   */
  async call({
    method,
    path,
    headers,
    body,
    statusOnly = false,
    timeoutMs,
  }: UpstreamCall): Promise<UpstreamAnswer> {
    const end = upstreamSeconds.startTimer({ upstream: this.options.name });
    try {
      const answer = await new Promise<UpstreamAnswer>((resolve, reject) => {
        const limit = timeoutMs ?? this.options.timeoutMs;
        if (limit <= 0) return reject(new UpstreamFault('ETIMEDOUT', false));
        const exchange = new Exchange(resolve, reject, limit, statusOnly);
        const target = { origin: this.origin, path: this.prefix + path, method, body, idempotent: false };
        this.dispatcher.dispatch({ ...target, headers: { ...this.headers, ...headers } }, exchange);
      });
      end({ outcome: `${Math.floor(answer.status / 100)}xx` });
      return answer;
    } catch (error) {
      end({ outcome: error instanceof UpstreamFault ? error.code : 'fault' });
      throw error;
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}

/** undici's callbacks for one call, in their order. */
class Exchange implements Dispatcher.DispatchHandler {
  private controller?: Dispatcher.DispatchController;
  private status = 0;
  private length = 0;
  private settled = false;
  private ended = false;
  private readonly chunks: Buffer[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly resolve: (answer: UpstreamAnswer) => void,
    private readonly reject: (fault: UpstreamFault) => void,
    timeoutMs: number,
    private readonly statusOnly: boolean,
  ) {
    // The abort runs after the next poll, so that an answer which arrived while the event loop was busy is read first.
    this.timer = setTimeout(() => setImmediate(() => this.abort('ETIMEDOUT')), timeoutMs);
  }

  /** There is a connection, and the request is written next. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // The deadline passed while the call waited for a connection, so it must not be sent now.
    if (this.settled) return controller.abort(new Error('too late'));
    this.controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    // 1xx precedes the final status.
    if (status < 200) return;
    this.status = status;
    if (this.statusOnly) this.answer('');
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.length += chunk.length;
    if (this.length > LONGEST_ANSWER) this.abort('ANSWER_TOO_LONG');
    else if (!this.statusOnly) this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.answer(Buffer.concat(this.chunks).toString());
  }

  onResponseError(_: unknown, error: Error): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.fail(codeOf(error));
  }

  /** Fails the call. Also ends a body that is no longer needed. */
  private abort(code: string): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    this.fail(code);
    this.controller?.abort(new Error(code));
  }

  private answer(text: string): void {
    if (this.settled) return;
    this.settled = true;
    this.resolve({ status: this.status, text });
  }

  private fail(code: string): void {
    if (this.settled) return;
    this.settled = true;
    this.reject(new UpstreamFault(code, this.controller !== undefined));
  }
}

/** Never the message, which may quote the URL. */
function codeOf(error: Error & { code?: unknown }): string {
  const [, status] = /^Proxy response \((\d{3})\)/.exec(error.message) ?? [];
  if (status !== undefined) return `PROXY_${status}`;
  return typeof error.code === 'string' ? error.code : error.name;
}
