import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { counted, writtenCode } from '../support/fixtures.js';
import { Nginx, nginxBlocks } from '../support/nginx.js';
import { findServers, freePort } from '../support/servers.js';
import { newMobile, newPassword, newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const program = findServers().nginx;
/** The address from which a shopper's browser connects. nginx itself connects from 127.0.0.1. */
const BROWSER = '127.0.0.2';

let app: App;
let old: Server;
let port: number;
let nginx: Nginx | undefined;

beforeAll(async () => {
  app = await startApp({ env: { LEGACY_CLIENT: 'true', TRUST_PROXY: '127.0.0.1' } });
  old = createServer((asked, response) => {
    const { url, headers } = asked;
    response.end(JSON.stringify({ old: url, host: headers.host, forwarded: headers['x-forwarded-for'] }));
  }).listen(0, '127.0.0.1');
  await once(old, 'listening');
  port = await freePort();
});

afterAll(async () => {
  await nginx?.stop();
  old.close();
  await app.close();
});

/** A configuration of the documents, with the addresses of this test. */
const here = (block: string): string =>
  block
    .replace('listen 8000;', `listen 127.0.0.1:${port};`)
    .replaceAll('127.0.0.1:3000', new URL(app.url).host)
    .replaceAll('127.0.0.1:8001', `127.0.0.1:${(old.address() as AddressInfo).port}`);

interface Asked {
  readonly status: number;
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Sends nginx a request with a forged address, as a browser could. */
async function ask(path: string, body?: unknown): Promise<Asked> {
  const headers = {
    host: 'api.meiduo.site:8000',
    'x-forwarded-for': '203.0.113.9',
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const method = body === undefined ? 'GET' : 'POST';
  const asked = request({
    host: '127.0.0.1',
    port,
    localAddress: BROWSER,
    path,
    method,
    headers,
    agent: false,
  });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const type = answer.headers['content-type'] ?? '';
  const read = await text(answer);
  return { status: answer.statusCode ?? 0, type, body: /^[{[]/.test(read) ? JSON.parse(read) : {} };
}

/** Replaces nginx's files and reloads it. */
async function started(files: Readonly<Record<string, string>>): Promise<Nginx> {
  await nginx?.stop();
  nginx = Nginx.start(program!, files);
  await up();
  return nginx;
}

const up = () => vi.waitFor(() => ask('/'), { timeout: 10_000, interval: 50 });

describe.skipIf(program === undefined)('the configurations of docs/migrating.md, in nginx', () => {
  it("the nginx sample of docs/migrating.md sends the QQ routes to this service and the rest to Django, with the shopper's address", async () => {
    const [server = '', headers = ''] = nginxBlocks('docs/migrating.md');
    await started({ 'server.conf': here(server), proxy_headers: headers });

    expect(await ask('/users/usernames/li/count/')).toMatchObject({
      status: 200,
      body: { old: '/users/usernames/li/count/', host: 'api.meiduo.site', forwarded: BROWSER },
    });
    const { body: login } = await ask('/oauth/qq/statues/?state=%2Fcart.html');
    expect(login.auth_url).toContain('state=%2Fcart.html');
    expect(await counted(app, 'starts-per-ip', BROWSER)).toBe(1);

    const returned = new URLSearchParams(await app.shopper().approve(String(login.auth_url), newQq()));
    const { body: unbound } = await ask(`/oauth/qq/users/?code=${returned.get('code')}`);
    const mobile = newMobile();
    const form = {
      mobile,
      password: newPassword(),
      sms_code: await writtenCode(app, mobile),
      access_token: unbound.access_token,
    };
    expect(await ask('/oauth/qq/users/', form)).toMatchObject({ status: 200, body: { username: mobile } });
    await vi.waitFor(async () => {
      const rows = await app.dataSource.query<{ ip: string }[]>('SELECT DISTINCT ip FROM tb_account_event');
      expect(rows).toEqual([{ ip: BROWSER }]);
    });
    const picture = '/verifications/imagecodes/3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10/';
    expect(await ask(picture)).toMatchObject({ status: 200, type: 'image/png' });
  });

  it('the second nginx sample of docs/migrating.md also sends the account routes to this service, and leaves the rest to Django', async () => {
    const [server = '', headers = '', more = ''] = nginxBlocks('docs/migrating.md');
    const whole = server.replace('    # The old one.', `${more}$&`);
    expect(whole).not.toBe(server);
    await started({ 'server.conf': here(whole), proxy_headers: headers });

    for (const path of ['/users/usernames/li/count/', '/usernames/li/count/', '/mobiles/13800138000/count/'])
      expect((await ask(path)).body, path).toMatchObject({ count: 0 });
    for (const path of ['/users/infos/', '/user/'])
      expect(await ask(path), path).toMatchObject({ status: 401, body: { errorCode: 'LOGIN_REQUIRED' } });
    for (const path of ['/users/auths/', '/authorizations/', '/users/'])
      expect((await ask(path, {})).body.errorCode, path).toBe('REQUEST_INVALID');
    for (const path of ['/users/browerhistories/', '/addresses/', '/users/7/addresses/'])
      expect((await ask(path)).body.old, path).toBe(path);
  });

  it('the nginx sample of docs/migrating.md sends everything to Django again after a reload', async () => {
    const [server = '', headers = ''] = nginxBlocks('docs/migrating.md');
    const beside = await started({ 'server.conf': here(server), proxy_headers: headers });
    expect((await ask('/oauth/qq/statues/?state=/')).body.old).toBeUndefined();

    beside.reload({ 'server.conf': here(server.replaceAll('127.0.0.1:3000', '127.0.0.1:8001')) });

    await vi.waitFor(
      async () =>
        expect((await ask('/oauth/qq/statues/?state=/')).body.old).toBe('/oauth/qq/statues/?state=/'),
      { timeout: 10_000, interval: 50 },
    );
  });
});

describe.skipIf(program === undefined)('the configuration of the README, in nginx', () => {
  it("the nginx sample of the README passes everything on, with the shopper's address", async () => {
    const [location = ''] = nginxBlocks('README.md');
    await started({ 'server.conf': here(`server { listen 8000; ${location} }`) });
    const before = await counted(app, 'starts-per-ip', BROWSER);

    expect((await ask('/oauth/qq/authorization/?next=/&binding=browser')).status).toBe(200);

    expect(await counted(app, 'starts-per-ip', BROWSER)).toBe(before + 1);
  });
});

describe('the configurations', () => {
  it.each(['README', 'docs/migrating'])('the nginx samples of %s are the same in Chinese', (name) => {
    const blocks = nginxBlocks(`${name}.md`);

    expect(blocks).not.toEqual([]);
    expect(nginxBlocks(`${name}.zh-CN.md`)).toEqual(blocks);
  });
});
