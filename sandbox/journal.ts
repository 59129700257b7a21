import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parameter, type QqParameters } from './answers.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';
import { isQqNumber, nicknameOf } from './people.js';

/** A request that the stand-ins received. */
export interface Entry {
  /** Counts up. The newest entry has the highest id. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly what: string;
  readonly detail: string;
  /** The HTTP status; undefined before the answer. */
  status?: number;
  /** Milliseconds until the answer was sent. */
  ms?: number;
}

const KEPT = 200;

/** What each request means, and the fields of it to show. */
const KINDS: readonly (readonly [
  pattern: RegExp,
  what: string,
  detail?: (request: FastifyRequest) => string,
])[] = [
  [/^GET \/oauth2\.0\/authorize/, 'QQ：授权页', ({ query }) => personOf(query as QqParameters)],
  [/^(?:GET|POST) \/oauth2\.0\/token/, 'QQ：换取令牌'],
  [/^GET \/oauth2\.0\/me/, 'QQ：查询身份'],
  [/^GET \/user\/get_user_info/, 'QQ：用户资料'],
  [
    /^GET \/oauth2\.0\/show/,
    'QQ：拒绝登录请求',
    ({ query }) => `错误码 ${parameter(query as QqParameters, 'error') ?? ''}`,
  ],
  [/^POST \/phone\/messages/, '短信网关：发送', ({ body }) => messageOf(body)],
  [/^(?:PUT|POST) \/faults/, 'QQ的故障开关', ({ body }) => switchOf(body)],
  [/^(?:PUT|POST) \/phone\/faults/, '短信的故障开关', ({ body }) => switchOf(body)],
];

/** The newest 200 requests, newest first. */
export class Journal {
  #entries: readonly Entry[] = [];
  #last = 0;
  readonly #open = new WeakMap<FastifyRequest, Entry>();

  constructor(private readonly now: () => number) {}

  /** Records every request of `app`, and shows them at `/events`. */
  watch(app: FastifyInstance): void {
    app.addHook('preHandler', async (request) => this.#begin(request));
    app.addHook('onResponse', async (request, reply) => {
      const entry = this.#open.get(request);
      if (entry) Object.assign(entry, { status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
    });
    app.get('/events', (request, reply) => {
      reply.header('vary', 'accept');
      if (!request.headers.accept?.includes('text/html')) return reply.send(this.#entries);
      return sendPage(reply, {
        title: '请求记录',
        wide: true,
        body: list(this.#entries),
        script: 'events.js',
      });
    });
  }

  #begin(request: FastifyRequest): void {
    const line = `${request.method} ${request.url}`;
    const kind = KINDS.find(([pattern]) => pattern.test(line));
    if (!kind) return;
    const [, what, detail] = kind;
    this.#last += 1;
    const entry = {
      id: this.#last,
      at: new Date(this.now()).toISOString(),
      what,
      detail: detail?.(request) ?? '',
    };
    this.#open.set(request, entry);
    this.#entries = [entry, ...this.#entries].slice(0, KEPT);
  }
}

function personOf(query: QqParameters): string {
  const qq = parameter(query, 'login_as');
  return qq !== undefined && isQqNumber(qq) ? `${nicknameOf(qq)}（${qq}）登录` : '请选择身份';
}

function messageOf(body: unknown): string {
  const { mobile, text } = (body ?? {}) as Record<string, unknown>;
  return typeof mobile === 'string' && typeof text === 'string' ? `${mobile}：${text}` : '';
}

function switchOf(body: unknown): string {
  const { mode, on } = (body ?? {}) as Record<string, unknown>;
  return [mode, on].filter((value) => typeof value === 'string').join(' · ');
}

function list(entries: readonly Entry[]): Html {
  return html`<p class="lead">QQ替身和短信网关收到的请求，最新的在前，不用刷新。只保留最新${KEPT}条。</p>
    <p id="connection" class="note" role="status"></p>
    <section class="panel" aria-label="请求记录">
      <p id="empty" ${entries.length > 0 ? html` hidden` : undefined}>还没有请求。去商城登录试试。</p>
      <ol id="events" class="rows">
        ${entries.map(row)}
      </ol>
    </section>
    <template id="row">${row({ id: 0, at: '', what: '', detail: '' })}</template>`;
}

function row({ at, what, detail, status, ms }: Entry): Html {
  return html`<li>
    <p class="meta">
      <strong data-part="what">${what}</strong>
      <time data-part="at" datetime="${at}">${at.slice(11, 19)}</time>
    </p>
    <p class="row-detail" data-part="detail">${detail}</p>
    <p class="row-detail" data-part="answer">
      ${status === undefined ? '没有响应' : `响应 ${status}，${ms ?? 0} 毫秒`}
    </p>
  </li> `;
}
