import type { FastifyInstance } from 'fastify';
import { parameter, type QqParameters } from './answers.js';
import { badRequest, type Faults } from './faults.js';
import type { Grants } from './grants.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';
import { isQqNumber, nicknameOf, PEOPLE, picturePath } from './people.js';
import type { QqApp, Registry } from './registry.js';

/** A login that a shop has asked for, with its four required parameters checked. */
interface LoginRequest {
  readonly app: QqApp;
  readonly redirectUri: string;
  readonly state: string;
}

const ERROR_PAGE = '/oauth2.0/show?which=error&display=pc&error=100010';

/** `GET /oauth2.0/authorize`: the consent page, and the pages that end a refused or cancelled login. */
export function authorizeRoutes(
  app: FastifyInstance,
  registry: Registry,
  grants: Grants,
  faults: Faults,
): void {
  app.get<{ Querystring: QqParameters }>('/oauth2.0/authorize', faults.on('authorize'), (request, reply) => {
    const login = loginRequest(request.query, registry);
    if (!login) return reply.redirect(ERROR_PAGE);
    const qq = parameter(request.query, 'login_as');
    if (qq === undefined) return sendPage(reply, { title: 'QQ登录', body: consent(login, request.query) });
    if (!isQqNumber(qq)) throw badRequest('login_as must be a QQ number: 5 to 12 digits.');
    const code = grants.issueCode({ app: login.app, qq }, login.redirectUri);
    if (!isHeld(request.query)) return reply.redirect(callback(login, code));
    return sendPage(reply, { title: '停在这里', body: held(login, qq, code), script: 'held.js' });
  });

  app.get<{ Querystring: QqParameters }>('/oauth2.0/show', (request, reply) => {
    const number = parameter(request.query, 'error') ?? '未知';
    const body = html`<p class="flash" data-tone="bad">错误码 <strong>${number}</strong></p>
      <p class="lead">
        QQ拒绝了这个登录请求：应用编号未登记，回调地址不在登记的域名下，或缺少必需的参数
        （<code>response_type=code</code>、<code>client_id</code>、<code>redirect_uri</code>、<code>state</code>，后两者各不超过500字节）。
      </p>
      <p class="lead">页面停在这里，不会回到商城，和真正的QQ一样。</p>`;
    return sendPage(reply, { title: '登录请求有误', body });
  });

  app.get('/oauth2.0/cancelled', (_request, reply) =>
    sendPage(reply, {
      title: '已取消登录',
      // On a PC, QQ closes its window and sends no callback.
      body: html`<p class="lead">QQ没有通知商城。可以关闭此窗口了。</p>`,
      script: 'cancelled.js',
    }),
  );
}

function loginRequest(query: QqParameters, registry: Registry): LoginRequest | undefined {
  const app = registry.find(parameter(query, 'client_id'));
  const redirectUri = parameter(query, 'redirect_uri');
  const state = parameter(query, 'state');
  if (
    parameter(query, 'response_type') !== 'code' ||
    !app ||
    redirectUri === undefined ||
    state === undefined
  )
    return undefined;
  if (!registry.allows(redirectUri) || Buffer.byteLength(state) > 500) return undefined;
  return { app, redirectUri, state };
}

function callback({ redirectUri, state }: LoginRequest, code: string): string {
  const separator = redirectUri.includes('?') ? '&' : '?';
  return `${redirectUri}${separator}code=${code}&state=${encodeURIComponent(state)}`;
}

/** Only in the sandbox, not at QQ: `hold=1` shows the callback's parameters instead of redirecting. */
function isHeld(query: QqParameters): boolean {
  return parameter(query, 'hold') === '1';
}

function consent(login: LoginRequest, query: QqParameters): Html {
  const asked = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[0] !== 'login_as' && typeof entry[1] === 'string',
  );
  const here = (...more: [string, string][]) => `?${new URLSearchParams([...asked, ...more]).toString()}`;
  const shop = html`<strong>${new URL(login.redirectUri).host}</strong>`;
  return html`${
      isHeld(query)
        ? html`<p class="flash">
            <span>登录后停在这里，显示 <code>code</code> 和 <code>state</code>，不回商城。</span>
          </p>`
        : undefined
    }
    <p class="lead">${shop} 想知道你是谁。选一个身份：</p>
    <ul class="people">
      ${PEOPLE.map(
        ({ qq, nickname }) =>
          html`<li>
            <a class="person" href="${here(['login_as', qq])}"
              ><img class="avatar" src="${picturePath(qq)}" alt="" width="36" height="36" /><span class="name"
                >${nickname}</span
              >
              <span class="number">${qq}</span></a
            >
          </li> `,
      )}
    </ul>
    <p class="divider">或其他QQ号</p>
    <form method="get" action="/oauth2.0/authorize">
      ${asked.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
      <div class="field">
        <label for="login_as">QQ号</label>
        <div class="control">
          <input
            id="login_as"
            name="login_as"
            type="text"
            inputmode="numeric"
            pattern="[0-9]{5,12}"
            maxlength="12"
            autocomplete="off"
            required
            aria-describedby="login_as_note"
          />
        </div>
        <p id="login_as_note" class="note">任意5至12位数字；同一个号码永远是同一个人</p>
      </div>
      <div class="actions">
        <button class="primary" type="submit">授权并登录</button>
        <a class="button" href="/oauth2.0/cancelled">取消</a>
      </div>
    </form>
    ${
      isHeld(query)
        ? undefined
        : html`<p class="lead">
            给开发者：<a href="${here(['hold', '1'])}">登录后停在这里</a>，把 <code>code</code> 和
            <code>state</code> 抄给 Swagger UI。
          </p>`
    }`;
}

function held(login: LoginRequest, qq: string, code: string): Html {
  return html`<p class="lead">
      ${nicknameOf(qq)}（${qq}）已登录。真正的QQ这时会带着这两个值回到
      <strong>${new URL(login.redirectUri).host}</strong>；请把它们抄给 Swagger UI 的“QQ登录回调”。
    </p>
    <div class="values">
      ${toCopy('code', code, '10分钟内有效，只能用一次')} ${toCopy('state', login.state)}
      <div class="actions"><a class="button" href="${callback(login, code)}">不抄了，回商城</a></div>
    </div>`;
}

function toCopy(name: string, value: string, note?: string): Html {
  return html`<div class="field">
    <label for="${name}">${name}</label>
    <div class="control">
      <input type="text" id="${name}" value="${value}" readonly autocomplete="off" spellcheck="false" />
      <button class="beside" type="button" data-copy="${name}" aria-label="复制 ${name}">复制</button>
    </div>
    ${note === undefined ? undefined : html`<p class="note">${note}</p>`}
  </div>`;
}
