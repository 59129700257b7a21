import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ENDPOINTS, type Fault, type Faults, type Mode } from './faults.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';
import type { Phone, SmsFault, SmsFaultSwitch } from './phone.js';

const MEANING: Record<Mode, string> = {
  none: '一切正常',
  slow: '先等一会儿，再正常响应',
  hang: '一直不响应',
  reset: '直接断开连接',
  http500: '响应 500',
  html: '状态 200，内容却是“系统繁忙”的网页',
  truncated: '响应只发一半',
  no_openid: '响应里没有 openid（token、me）',
  foreign_client: 'client_id 是别人的应用（me）',
  no_unionid: '响应里没有 unionid（me）',
};

const PLACE: Record<Fault['on'], string> = {
  all: '全部接口',
  authorize: '授权页 authorize',
  token: '换取令牌 token',
  me: '查询身份 me',
  user_info: '用户资料 user_info',
};

const SMS_MEANING: Record<SmsFault, string> = {
  none: '一切正常',
  refuse: '网关拒绝：响应 500，没有发送',
  late: '网关收下，短信晚到',
  lost: '网关收下，短信永远不到',
  slow: '短信到了，网关很久才响应',
  hang: '短信不到，网关一直不响应',
  reset: '短信不到，网关断开连接',
};

/** The switches: JSON for programs, and a page for clients with `Accept: text/html`, as browsers send it. */
export function switchRoutes(app: FastifyInstance, faults: Faults, phone: Phone): void {
  app.get('/faults', (request, reply) => {
    reply.header('vary', 'accept');
    if (!wantsPage(request)) return reply.send(faults.fault);
    return sendPage(reply, {
      title: '故障开关',
      wide: true,
      body: html`${panel(faults.fault, `${request.protocol}://${request.host}`)} ${smsPanel(phone.fault)}`,
    });
  });

  app.put('/faults', (request) => faults.set(request.body));

  // The page's form: browsers can POST but not PUT.
  app.post<{ Body: Record<string, string> | undefined }>('/faults', (request, reply) => {
    faults.set({ ...request.body, ms: Number(request.body?.ms ?? 5000) });
    return reply.redirect('/faults', 303);
  });

  app.post<{ Body: Record<string, string> | undefined }>('/phone/faults', (request, reply) => {
    phone.setFault({ ...request.body, ms: Number(request.body?.ms ?? 5000) });
    return reply.redirect('/faults', 303);
  });
}

function wantsPage(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') ?? false;
}

function panel({ mode, on, ms }: Fault, origin: string): Html {
  const calm = mode === 'none';
  return html`<p role="status" class="flash" data-tone="${calm ? 'good' : 'bad'}">
      现在：${MEANING[mode]}${calm ? undefined : html`（${PLACE[on]}）`}
    </p>
    <p class="lead">让QQ替身出错，看看商城怎样应对。出错的只是响应：QQ那边的事已经办完，授权码也已用掉。</p>
    <form class="panel" method="post" action="/faults">
      ${choices('出什么错', MEANING, mode)}
      <div class="field">
        <label for="on">在哪里</label>
        <select id="on" name="on">
          ${(['all', ...ENDPOINTS] as const).map(
            (value) =>
              html`<option value="${value}" ${value === on ? html` selected` : undefined}>
                ${PLACE[value]}
              </option> `,
          )}
        </select>
      </div>
      <div class="field">
        <label for="ms">等多久（毫秒，仅用于 <code>slow</code>）</label>
        <input id="ms" name="ms" type="number" min="0" max="600000" step="1" value="${ms}" required />
      </div>
      <div class="actions"><button class="primary" type="submit">切换</button></div>
    </form>
    <section class="panel" aria-labelledby="programs">
      <h2 id="programs">给程序用</h2>
      <pre tabindex="0"><code>curl -X PUT -H 'content-type: application/json' \\
  -d '{"mode":"slow","on":"token","ms":5000}' ${origin}/faults</code></pre>
    </section>`;
}

function smsPanel({ mode, ms }: SmsFaultSwitch): Html {
  return html`<p role="status" class="flash" data-tone="${mode === 'none' ? 'good' : 'bad'}">
      短信：${SMS_MEANING[mode]}
    </p>
    <form class="panel" method="post" action="/phone/faults">
      ${choices('短信出什么错', SMS_MEANING, mode)}
      <div class="field">
        <label for="sms_ms">晚多久（毫秒，用于 <code>late</code> 和 <code>slow</code>）</label>
        <input id="sms_ms" name="ms" type="number" min="0" max="600000" step="1" value="${ms}" required />
      </div>
      <div class="actions"><button class="primary" type="submit">切换短信</button></div>
    </form>`;
}

/** Radio buttons for the modes of a switch. */
function choices(legend: string, meanings: Readonly<Record<string, string>>, chosen: string): Html {
  return html`<fieldset>
    <legend>${legend}</legend>
    <div class="choices">
      ${Object.entries(meanings).map(
        ([value, meaning]) =>
          html`<label class="choice"
            ><input
              type="radio"
              name="mode"
              value="${value}"
              ${value === chosen ? html` checked` : undefined}
            />
            <span>${meaning} <code>${value}</code></span></label
          > `,
      )}
    </div>
  </fieldset>`;
}
