import type { FastifyInstance } from 'fastify';
import { parameter, type QqParameters } from './answers.js';
import { badRequest, type Faults } from './faults.js';
import type { Grants } from './grants.js';
import { html, type Html } from './html.js';
import { sendPage } from './pages.js';
import { isQqNumber, PEOPLE } from './people.js';
import type { QqApp, Registry } from './registry.js';

/** A login a shop has asked for, all four required parameters checked. */
interface LoginRequest {
  readonly app: QqApp;
  readonly redirectUri: string;
  readonly state: string;
}

const ERROR_PAGE = '/oauth2.0/show?which=error&display=pc&error=100010';

/** `GET /oauth2.0/authorize`, the consent page and the pages that end a login that went nowhere. */
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
    return reply.redirect(callback(login, code));
  });

  app.get<{ Querystring: QqParameters }>('/oauth2.0/show', (request, reply) => {
    const number = parameter(request.query, 'error') ?? '未知';
    const body = html`<p class="error-number">错误码 <strong>${number}</strong></p>
      <p>
        QQ拒绝了这个登录请求：应用编号未登记，回调地址不在登记的域名下，或缺少必需的参数
        （<code>response_type=code</code>、<code>client_id</code>、<code>redirect_uri</code>、<code>state</code>，后两者各不超过500字节）。
      </p>
      <p>页面停在这里，不会回到商城，和真正的QQ一样。</p>`;
    return sendPage(reply, { title: '登录请求有误', body });
  });

  app.get('/oauth2.0/cancelled', (_request, reply) =>
    sendPage(reply, {
      title: '已取消登录',
      // On a PC QQ closes its window and calls nobody back.
      body: html`<p>QQ没有通知商城。可以关闭此窗口了。</p>`,
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

function consent(login: LoginRequest, query: QqParameters): Html {
  const asked = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[0] !== 'login_as' && typeof entry[1] === 'string',
  );
  const loginAs = (qq: string) => `?${new URLSearchParams([...asked, ['login_as', qq]]).toString()}`;
  return html`<p>
      登录后回到 <strong>${new URL(login.redirectUri).host}</strong>（应用
      ${login.app.id}）。你想以谁的身份登录？
    </p>
    <ul class="people">
      ${PEOPLE.map(
        ({ qq, nickname }) =>
          html`<li>
            <a class="person" href="${loginAs(qq)}"
              ><span class="avatar" aria-hidden="true">${nickname.slice(0, 1)}</span
              ><span class="name">${nickname}</span> <span class="number">${qq}</span></a
            >
          </li> `,
      )}
    </ul>
    <form class="other" method="get" action="/oauth2.0/authorize">
      <h2>其他QQ号</h2>
      ${asked.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
      <label for="login_as">QQ号</label>
      <input
        id="login_as"
        name="login_as"
        inputmode="numeric"
        pattern="[0-9]{5,12}"
        maxlength="12"
        autocomplete="off"
        required
        aria-describedby="login_as_hint"
      />
      <p id="login_as_hint" class="hint">5至12位数字，任何号码都可以；同一个号码永远是同一个人。</p>
      <div class="actions">
        <button type="submit">授权并登录</button> <a class="quiet" href="/oauth2.0/cancelled">取消</a>
      </div>
    </form>`;
}
