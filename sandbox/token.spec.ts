import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';
import { Shop } from './shop.js';

const SISTER = { id: '101000002', key: 'sister-key' };

let sandbox: Sandbox;
let shop: Shop;
let time = Date.UTC(2026, 0, 1);
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, apps: [SISTER], now: () => time });
  shop = new Shop(sandbox);
});
afterAll(() => sandbox.close());

/** The body of an answer, which must have status 200 and HTML's content type like every answer of `/token`. */
async function body(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  return response.text();
}

it('/oauth2.0/token answers urlencoded by default', async () => {
  expect(await body(await shop.token(await shop.code()))).toMatch(
    /^access_token=[0-9A-F]{32}&expires_in=5184000&refresh_token=[0-9A-F]{32}$/,
  );
});

it('/oauth2.0/token answers JSON on request, with a string expires_in and the openid', async () => {
  expect(await body(await shop.token(await shop.code(), { fmt: 'json', need_openid: '1' }))).toMatch(
    /^\{"access_token":"[0-9A-F]{32}","expires_in":"5184000","refresh_token":"[0-9A-F]{32}","openid":"A2C0875B7A2ACCF322C9C8C29C1235F2"\}$/,
  );
});

it('/oauth2.0/token reads a POST form too', async () => {
  const form = new URLSearchParams({ ...shop.exchange(await shop.code()), fmt: 'json' });

  const response = await fetch(`${sandbox.url}/oauth2.0/token`, { method: 'POST', body: form });

  expect(JSON.parse(await body(response))).toMatchObject({ expires_in: '5184000' });
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
  [100010, { redirect_uri: 'http://localhost:3000/oauth_callback.html?' }],
  [100019, { code: '0123456789ABCDEF0123456789ABCDEF' }],
  [100019, { client_id: SISTER.id, client_secret: SISTER.key }],
] as [number, Record<string, string>][])(
  '/oauth2.0/token answers %i to %j, and the code stays valid',
  async (error, wrong) => {
    const code = await shop.code();

    const answer = await body(await shop.token(code, { ...wrong, fmt: 'json' }));

    expect(JSON.parse(answer)).toEqual({ error, error_description: expect.any(String) });
    expect(await body(await shop.token(code))).toContain('access_token=');
  },
);

it('/oauth2.0/token refuses in JSONP with a newline by default, in plain JSON on request', async () => {
  const refusal = '{"error":100019,"error_description":"code to access token error"}';

  expect(await body(await shop.token('x'))).toBe(`callback( ${refusal} );\n`);
  expect(await body(await shop.token('x', { fmt: 'json' }))).toBe(refusal);
});

it('/oauth2.0/token accepts a code once', async () => {
  const code = await shop.code();

  expect(await body(await shop.token(code))).toContain('access_token=');
  expect(await body(await shop.token(code))).toBe(
    'callback( {"error":100020,"error_description":"code is reused error"} );\n',
  );
});

it('of twenty simultaneous exchanges of one code, one succeeds', async () => {
  const code = await shop.code();

  const answers = await Promise.all(Array.from({ length: 20 }, async () => (await shop.token(code)).text()));

  expect(answers.filter((answer) => answer.startsWith('access_token='))).toHaveLength(1);
});

it('/oauth2.0/token accepts a code for ten minutes', async () => {
  const [early, late] = [await shop.code(), await shop.code()];

  time += 599_999;
  expect(await body(await shop.token(early))).toContain('access_token=');
  time += 1;
  expect(await body(await shop.token(late))).toContain('"error":100019');
});
