import { EventEmitter } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { badRequest, isOneOf, readMs } from './faults.js';
import { Hold } from './hold.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';

/** A received SMS. */
export interface Message {
  readonly mobile: string;
  readonly code: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The faults of the SMS gateway that can be simulated. */
export const SMS_FAULTS = ['none', 'refuse', 'late', 'lost', 'slow', 'hang', 'reset'] as const;

/**
 * `refuse`: answers 500. `late`: accepts the message, which arrives later. `lost`: accepts the message, which never
 * arrives. `slow`: the message arrives, and the answer comes later. `hang`: neither message nor answer comes. `reset`:
 * the message does not arrive, and the connection breaks.
 */
export type SmsFault = (typeof SMS_FAULTS)[number];

/** The present fault. `ms` is the delay of `late` and `slow`. */
export interface SmsFaultSwitch {
  readonly mode: SmsFault;
  readonly ms: number;
}

const NO_SMS_FAULT: SmsFaultSwitch = { mode: 'none', ms: 5000 };
const KEPT = 200;

/** The phone that receives all messages, and the SMS gateway. */
export class Phone {
  #fault: SmsFaultSwitch = NO_SMS_FAULT;
  readonly #arrivals = new EventEmitter().setMaxListeners(0);
  #messages: readonly Message[] = [];

  constructor(
    private readonly key: string,
    private readonly now: () => number,
    private readonly hold: Hold,
  ) {}

  get fault(): SmsFaultSwitch {
    return this.#fault;
  }

  /**
   * Sets the fault. Without `ms` the delay is 5000.
   * @throws Error (statusCode 400) with a sentence, for an invalid value
   */
  setFault(given: unknown): SmsFaultSwitch {
    const { mode, ms = NO_SMS_FAULT.ms } = (given ?? {}) as Record<string, unknown>;
    if (!isOneOf(SMS_FAULTS, mode)) throw badRequest(`mode must be one of ${SMS_FAULTS.join(', ')}.`);
    this.#fault = { mode, ms: readMs(ms) };
    return this.#fault;
  }

  /** The newest 200 messages, newest first; without a mobile, those of all mobiles. */
  messages(mobile?: string): Message[] {
    return this.#messages.filter((message) => mobile === undefined || message.mobile === mobile);
  }

  /** Routes: the gateway for services, the list for programs, the page for people. */
  routes(app: FastifyInstance): void {
    app.post('/phone/messages', (request, reply) => this.#accept(request, reply));
    app.get<{ Querystring: { mobile?: string | string[] } }>('/phone/messages', (request) => {
      const { mobile } = request.query;
      if (Array.isArray(mobile)) throw badRequest('Give one mobile.');
      return this.messages(mobile);
    });
    app.get('/phone/faults', () => this.#fault);
    app.put('/phone/faults', (request) => this.setFault(request.body));
    app.get('/phone/events', (request, reply) => this.#stream(request, reply));
    app.get('/phone', (_request, reply) =>
      sendPage(reply, { title: '手机', wide: true, body: screen(this.messages()), script: 'phone.js' }),
    );
  }

  async #accept(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (request.headers.authorization !== `Bearer ${this.key}`)
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send({ statusCode: 401, message: 'Wrong key.' });
    const sent = readMessage(request.body);
    const { mode, ms } = this.#fault;
    if (mode === 'refuse') return reply.code(500).send({ statusCode: 500, message: 'Switched to refuse.' });
    if (mode === 'hang') await this.hold.wait();
    if (mode === 'hang' || mode === 'reset') {
      request.raw.socket.resetAndDestroy();
      return reply.hijack();
    }
    if (mode === 'late') void this.hold.wait(ms).then(() => this.#arrive(sent));
    else if (mode !== 'lost') this.#arrive(sent);
    if (mode === 'slow') await this.hold.wait(ms);
    return reply.send({ message: 'OK' });
  }

  #arrive(sent: Omit<Message, 'at'>): void {
    const message = { ...sent, at: new Date(this.now()).toISOString() };
    this.#messages = [message, ...this.#messages].slice(0, KEPT);
    this.#arrivals.emit('message', message);
  }

  /** Server-sent events: one for each message, as long as the page is open. */
  #stream(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    reply.raw.write('retry: 1000\n\n');
    const forward = (message: Message) => reply.raw.write(`data: ${JSON.stringify(message)}\n\n`);
    this.#arrivals.on('message', forward);
    request.raw.once('close', () => this.#arrivals.off('message', forward));
  }
}

function readMessage(body: unknown): Omit<Message, 'at'> {
  const { mobile, code, text } = (body ?? {}) as Record<string, unknown>;
  if (typeof mobile !== 'string' || typeof code !== 'string' || typeof text !== 'string')
    throw badRequest('Send {"mobile": "13800138000", "code": "246810", "text": "…"}.');
  return { mobile, code, text };
}

function screen(messages: readonly Message[]): Html {
  return html`<p class="lead">服务发出的每一条短信都到这里，不用刷新。只保留最新${KEPT}条。</p>
    <p id="connection" class="note" role="status"></p>
    <p id="empty" class="empty" ${messages.length > 0 ? html` hidden` : undefined}>
      还没有短信。在页面上点“获取验证码”，它就会出现在这里。
    </p>
    <ol id="messages" class="messages" aria-live="polite" aria-relevant="additions">
      ${messages.map(bubble)}
    </ol>
    <template id="bubble">${bubble({ mobile: '', code: '', text: '', at: '' })}</template>`;
}

function bubble({ mobile, code, text, at }: Message): Html {
  return html`<li class="message" data-at="${at}">
    <p class="meta">
      <span data-part="mobile">${mobile}</span>
      <time data-part="at" datetime="${at}">${at.slice(11, 19)}</time>
    </p>
    <p class="code" data-part="code">${code}</p>
    <p class="text" data-part="text">${text}</p>
  </li> `;
}
