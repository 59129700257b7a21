import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';

const REDIRECT_URI = 'http://localhost:3000/oauth_callback.html';
const APP = { client_id: '101000001', client_secret: 'sandbox-app-key' };
const SISTER = { client_id: '101000002', client_secret: 'sister-key' };
const PLAIN = { client_id: '101000003', client_secret: 'plain-key' };
const STRANGER = { client_id: '101000004', client_secret: 'stranger-key' };

let sandbox: Sandbox;
let time = Date.UTC(2026, 0, 1);
beforeAll(async () => {
  const apps = [
    { id: SISTER.client_id, key: SISTER.client_secret },
    { id: PLAIN.client_id, key: PLAIN.client_secret, unionid: false },
    { id: STRANGER.client_id, key: STRANGER.client_secret, developer: 'another shop' },
  ];
  sandbox = await startSandbox({ port: 0, apps, now: () => time });
});
afterAll(() => sandbox.close());

async function ask(path: string, parameters: Record<string, string>): Promise<string> {
  const response = await fetch(`${sandbox.url}${path}?${new URLSearchParams(parameters).toString()}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  return response.text();
}

/** What a good call to `/token` sends, with a fresh code. */
async function exchange(app = APP, login_as = '10001') {
  const query = {
    response_type: 'code',
    client_id: app.client_id,
    redirect_uri: REDIRECT_URI,
    state: 's',
    login_as,
  };
  const url = `${sandbox.url}/oauth2.0/authorize?${new URLSearchParams(query).toString()}`;
  const { headers } = await fetch(url, { redirect: 'manual' });
  const code = new URL(headers.get('location')!).searchParams.get('code')!;
  return { grant_type: 'authorization_code', ...app, code, redirect_uri: REDIRECT_URI };
}

async function login(app = APP, login_as = '10001'): Promise<string> {
  return new URLSearchParams(await ask('/oauth2.0/token', await exchange(app, login_as))).get(
    'access_token',
  )!;
}

async function me(app: typeof APP, login_as: string, more: Record<string, string> = {}) {
  const access_token = await login(app, login_as);
  return JSON.parse(await ask('/oauth2.0/me', { access_token, fmt: 'json', ...more })) as Record<
    string,
    string
  >;
}

describe('/oauth2.0/token', () => {
  it('answers urlencoded by default', async () => {
    expect(await ask('/oauth2.0/token', await exchange())).toMatch(
      /^access_token=[0-9A-F]{32}&expires_in=5184000&refresh_token=[0-9A-F]{32}$/,
    );
  });

  it('answers JSON with a string expires_in, and the openid if asked', async () => {
    expect(await ask('/oauth2.0/token', { ...(await exchange()), fmt: 'json', need_openid: '1' })).toMatch(
      /^\{"access_token":"[0-9A-F]{32}","expires_in":"5184000","refresh_token":"[0-9A-F]{32}","openid":"[0-9A-F]{32}"\}$/,
    );
  });

  it('reads a POST form too', async () => {
    const body = new URLSearchParams({ ...(await exchange()), fmt: 'json' });

    const response = await fetch(`${sandbox.url}/oauth2.0/token`, { method: 'POST', body });

    expect(await response.json()).toMatchObject({ expires_in: '5184000' });
  });

  it.each([
    [100004, { grant_type: '' }],
    [100004, { grant_type: 'password' }],
    [100001, { client_id: '' }],
    [100002, { client_secret: '' }],
    [100005, { code: '' }],
    [100008, { client_id: '101000009' }],
    [100009, { client_secret: 'wrong' }],
    [100010, { redirect_uri: '' }],
    [100010, { redirect_uri: 'https://evil.example/' }],
    [100010, { redirect_uri: `${REDIRECT_URI}?` }],
    [100019, { code: '0123456789ABCDEF0123456789ABCDEF' }],
    [100019, SISTER],
  ])('answers %i to %j, and the code stays good', async (number, wrong) => {
    const good = await exchange();

    const answer = await ask('/oauth2.0/token', { ...good, ...wrong, fmt: 'json' });

    expect(JSON.parse(answer)).toEqual({ error: number, error_description: expect.any(String) });
    expect(await ask('/oauth2.0/token', good)).toContain('access_token=');
  });

  it('refuses in JSONP with a newline by default, in plain JSON if asked', async () => {
    const wrong = { ...(await exchange()), code: 'x' };

    expect(await ask('/oauth2.0/token', wrong)).toBe(
      'callback( {"error":100019,"error_description":"code to access token error"} );\n',
    );
    expect(await ask('/oauth2.0/token', { ...wrong, fmt: 'json' })).toBe(
      '{"error":100019,"error_description":"code to access token error"}',
    );
  });

  it('takes a code once', async () => {
    const good = await exchange();

    expect(await ask('/oauth2.0/token', good)).toContain('access_token=');
    expect(await ask('/oauth2.0/token', good)).toContain('"error":100020');
  });

  it('takes a code for ten minutes', async () => {
    const [early, late] = [await exchange(), await exchange()];

    time += 599_999;
    expect(await ask('/oauth2.0/token', early)).toContain('access_token=');
    time += 1;
    expect(await ask('/oauth2.0/token', late)).toContain('"error":100019');
  });
});

describe('/oauth2.0/me', () => {
  it('answers in JSONP with a newline by default, in plain JSON if asked', async () => {
    const access_token = await login();

    expect(await ask('/oauth2.0/me', { access_token })).toBe(
      'callback( {"client_id":"101000001","openid":"A2C0875B7A2ACCF322C9C8C29C1235F2"} );\n',
    );
    expect(await ask('/oauth2.0/me', { access_token, fmt: 'json' })).toBe(
      '{"client_id":"101000001","openid":"A2C0875B7A2ACCF322C9C8C29C1235F2"}',
    );
  });

  it('gives one openid per app and QQ, the same at every login', async () => {
    const [first, again, sister, other] = await Promise.all([
      me(APP, '10002'),
      me(APP, '10002'),
      me(SISTER, '10002'),
      me(APP, '10003'),
    ]);

    expect(again.openid).toBe(first.openid);
    expect(new Set([first.openid, sister.openid, other.openid]).size).toBe(3);
  });

  it('gives one unionid per QQ for all apps of a developer', async () => {
    const unionid = '1';
    const [own, sister, stranger] = await Promise.all([
      me(APP, '10001', { unionid }),
      me(SISTER, '10001', { unionid }),
      me(STRANGER, '10001', { unionid }),
    ]);

    expect(own.unionid).toMatch(/^UID_[0-9A-F]{32}$/);
    expect(sister.unionid).toBe(own.unionid);
    expect(stranger.unionid).not.toBe(own.unionid);
  });

  it('answers 100048 when the app has no right to the unionid', async () => {
    expect(await me(PLAIN, '10001')).toMatchObject({ client_id: PLAIN.client_id });
    expect(await me(PLAIN, '10001', { unionid: '1' })).toMatchObject({ error: 100048 });
  });

  it('answers 100007 without a token and 100013 to one it never gave', async () => {
    expect(await ask('/oauth2.0/me', {})).toContain('callback( {"error":100007,');
    expect(await ask('/oauth2.0/me', { access_token: 'FE04' })).toContain('callback( {"error":100013,');
  });

  it('answers 100014 to a token after its sixty days', async () => {
    const access_token = await login();

    time += 5_184_000_000;

    expect(await ask('/oauth2.0/me', { access_token, fmt: 'json' })).toContain('"error":100014');
  });
});

describe('/user/get_user_info', () => {
  it('knows the nickname and the pictures', async () => {
    const access_token = await login();
    const { openid } = await me(APP, '10001');

    const info = await ask('/user/get_user_info', {
      access_token,
      oauth_consumer_key: APP.client_id,
      openid: openid!,
    });

    const picture = `${sandbox.url}/pages/person.svg`;
    expect(info).toBe(
      `{"ret":0,"msg":"","nickname":"小企鹅","figureurl_qq_1":"${picture}","figureurl_qq_2":"${picture}"}`,
    );
    expect((await fetch(picture)).headers.get('content-type')).toContain('image/svg+xml');
  });

  it('asks to log in first when token, app and openid do not belong together', async () => {
    const access_token = await login();
    const { openid } = await me(APP, '10002');

    const wrong = { access_token, oauth_consumer_key: APP.client_id, openid: openid! };

    expect(await ask('/user/get_user_info', wrong)).toBe('{"ret":1002,"msg":"请先登录"}');
    expect(await ask('/user/get_user_info', {})).toBe('{"ret":1002,"msg":"请先登录"}');
  });
});
