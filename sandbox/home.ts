import type { FastifyInstance } from 'fastify';
import { html } from './html.js';
import { sendPage } from './pages.js';
import { openidOf, PEOPLE } from './people.js';
import { DEFAULT_APP } from './registry.js';

/** `/`: links to every page. */
export function homeRoute(app: FastifyInstance, shopUrl: string): void {
  const docsUrl = new URL('/docs', shopUrl).href;
  app.get('/', (_request, reply) =>
    sendPage(reply, {
      title: '沙箱',
      wide: true,
      body: html`<p class="lead">QQ和短信网关的替身：不用真的账号、不用网络，就能把QQ登录从头试到尾。</p>
        <section class="panel" aria-labelledby="where">
          <h2 id="where">去哪里</h2>
          <ul class="rows">
            <li><a href="${shopUrl}">商城登录页</a><span>点“QQ登录”，就会来到这里的授权页</span></li>
            <li><a href="${docsUrl}">Swagger UI</a><span>每个接口，逐个执行</span></li>
            <li><a href="/phone/">手机</a><span>短信验证码送到这里</span></li>
            <li><a href="/events/">请求记录</a><span>QQ和短信网关收到的每一个请求，以及怎样响应</span></li>
            <li><a href="/faults/">故障开关</a><span>让QQ和短信网关变慢、断线、答非所问</span></li>
          </ul>
        </section>
        <section class="panel" aria-labelledby="people">
          <h2 id="people">QQ用户</h2>
          <p class="lead">
            授权页上可以选他们，也可以填任何5至12位的号码。程序在授权地址后加
            <code>&amp;login_as=10001</code> 就跳过授权页。
          </p>
          <section class="scroll" tabindex="0" aria-label="QQ用户一览">
            <table>
              <thead>
                <tr>
                  <th scope="col">昵称</th>
                  <th scope="col">QQ号</th>
                  <th scope="col">openid（应用 ${DEFAULT_APP.id}）</th>
                </tr>
              </thead>
              <tbody>
                ${PEOPLE.map(
                  ({ qq, nickname }) =>
                    html`<tr>
                      <th scope="row">${nickname}</th>
                      <td>${qq}</td>
                      <td><code>${openidOf(DEFAULT_APP.id, qq)}</code></td>
                    </tr> `,
                )}
              </tbody>
            </table>
          </section>
        </section>`,
    }),
  );
}
