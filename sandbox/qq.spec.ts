import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';
import { Shop } from './shop.js';

const SISTER = { id: '101000002', key: 'sister-key' };
const PLAIN = { id: '101000003', key: 'plain-key', unionid: false };
const STRANGER = { id: '101000004', key: 'stranger-key', developer: 'another shop' };

let sandbox: Sandbox;
let shop: Shop;
let time = Date.UTC(2026, 0, 1);
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, apps: [SISTER, PLAIN, STRANGER], now: () => time });
  shop = new Shop(sandbox);
});
afterAll(() => sandbox.close());

/** The answer of /me about a person for a shop. */
async function identity(shop: Shop, qq: string, more = {}): Promise<Record<string, unknown>> {
  const response = await shop.me(await shop.login(qq), { fmt: 'json', ...more });
  return (await response.json()) as Record<string, unknown>;
}

describe('/oauth2.0/me', () => {
  it('/oauth2.0/me answers in JSONP with a newline by default, in plain JSON on request', async () => {
    const token = await shop.login();

    const jsonp = await shop.me(token);

    expect(jsonp.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await jsonp.text()).toBe(
      'callback( {"client_id":"101000001","openid":"A2C0875B7A2ACCF322C9C8C29C1235F2"} );\n',
    );
    expect(await (await shop.me(token, { fmt: 'json' })).text()).toBe(
      '{"client_id":"101000001","openid":"A2C0875B7A2ACCF322C9C8C29C1235F2"}',
    );
  });

  it('/oauth2.0/me gives one openid per app and QQ, the same at every login', async () => {
    const first = await identity(shop, '10002');
    const again = await identity(shop, '10002');
    const sister = await identity(new Shop(sandbox, SISTER), '10002');
    const other = await identity(shop, '10003');

    expect(again.openid).toBe(first.openid);
    expect(new Set([first.openid, sister.openid, other.openid]).size).toBe(3);
  });

  it('/oauth2.0/me gives one unionid per QQ for all apps of a developer', async () => {
    const own = await identity(shop, '10001', { unionid: '1' });
    const sister = await identity(new Shop(sandbox, SISTER), '10001', { unionid: '1' });
    const stranger = await identity(new Shop(sandbox, STRANGER), '10001', { unionid: '1' });

    expect(own.unionid).toMatch(/^UID_[0-9A-F]{32}$/);
    expect(sister.unionid).toBe(own.unionid);
    expect(stranger.unionid).not.toBe(own.unionid);
  });

  it('/oauth2.0/me answers 100048 when the app has no right to the unionid', async () => {
    const plain = new Shop(sandbox, PLAIN);

    expect(await identity(plain, '10001')).toMatchObject({ client_id: PLAIN.id });
    expect(await identity(plain, '10001', { unionid: '1' })).toMatchObject({ error: 100048 });
  });

  it('/oauth2.0/me answers 100007 without a token and 100013 to an unknown one, with status 200', async () => {
    const [none, forged] = [await shop.me(''), await shop.me('FE04')];

    expect([none.status, forged.status]).toEqual([200, 200]);
    expect(await none.text()).toBe(
      'callback( {"error":100007,"error_description":"param access token is wrong or lost"} );\n',
    );
    expect(await forged.text()).toBe(
      'callback( {"error":100013,"error_description":"access token is illegal"} );\n',
    );
  });

  it('/oauth2.0/me answers 100014 to a token after sixty days', async () => {
    const token = await shop.login();

    time += 5_184_000_000;

    expect(await (await shop.me(token)).text()).toContain('"error":100014');
  });
});

describe('/user/get_user_info', () => {
  async function info(access_token: string, openid: unknown): Promise<string> {
    const asked = { access_token, oauth_consumer_key: '101000001', openid: String(openid) };
    return (await shop.get('/user/get_user_info', asked)).text();
  }

  it('/user/get_user_info knows the nickname and the pictures', async () => {
    const { openid } = await identity(shop, '10001');

    const picture = `${sandbox.url}/pictures/10001.svg`;
    expect(await info(await shop.login(), openid)).toBe(
      `{"ret":0,"msg":"","nickname":"小企鹅","figureurl_qq_1":"${picture}","figureurl_qq_2":"${picture}"}`,
    );
    expect((await fetch(picture)).headers.get('content-type')).toContain('image/svg+xml');
  });

  it('/user/get_user_info asks for a login when token and openid do not belong together', async () => {
    const { openid } = await identity(shop, '10002');

    expect(await info(await shop.login('10001'), openid)).toBe('{"ret":1002,"msg":"请先登录"}');
    expect(await info('', '')).toBe('{"ret":1002,"msg":"请先登录"}');
  });
});
