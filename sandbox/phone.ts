import { EventEmitter } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { badRequest, isOneOf, readMs } from './faults.js';
import { Hold } from './hold.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';

/** An SMS that arrived. */
export interface Message {
  readonly mobile: string;
  readonly code: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What can go wrong on the way to the phone. */
export const SMS_FAULTS = ['none', 'refuse', 'late', 'lost', 'slow', 'hang', 'reset'] as const;

/**
 * `refuse`: answers 500. `late`: takes the message, which arrives later. `lost`: takes it, and it never arrives.
 * `slow`: it arrives, and the answer comes later. `hang`: it does not arrive, and no answer comes. `reset`: it does not
 * arrive, and the connection breaks.
 */
export type SmsFault = (typeof SMS_FAULTS)[number];

/** The switch as it stands; `ms` is how much later `late` and `slow` are. */
export interface SmsFaultSwitch {
  readonly mode: SmsFault;
  readonly ms: number;
}

const NO_SMS_FAULT: SmsFaultSwitch = { mode: 'none', ms: 5000 };
const KEPT = 200;

/** The phone all messages arrive at, and the phone company's gateway in front of it. */
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
   * Turns the switch; without `ms` it is 5000.
   * @throws Error (statusCode 400) with a sentence, if a value is none of the switch's
   */
  setFault(given: unknown): SmsFaultSwitch {
    const { mode, ms = NO_SMS_FAULT.ms } = (given ?? {}) as Record<string, unknown>;
    if (!isOneOf(SMS_FAULTS, mode)) throw badRequest(`mode must be one of ${SMS_FAULTS.join(', ')}.`);
    this.#fault = { mode, ms: readMs(ms) };
    return this.#fault;
  }

  /** Newest first; without a mobile, everybody's. The newest 200 are kept. */
  messages(mobile?: string): Message[] {
    return this.#messages.filter((message) => mobile === undefined || message.mobile === mobile);
  }

  /** The gateway for services, the list for programs, the page for people. */
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

  /** Server-sent events: one per message, for as long as the page is open. */
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
    <ol
      id="messages"
      class="messages"
      aria-label="短信，最新的在前"
      aria-live="polite"
      aria-relevant="additions"
    >
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
