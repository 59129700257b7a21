import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';
import { Shop } from './shop.js';

const REUSED = 'callback( {"error":100020,"error_description":"code is reused error"} );\n';

let sandbox: Sandbox;
let shop: Shop;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0 });
  shop = new Shop(sandbox);
});
afterEach(() => sandbox.close());

it('fault "slow": answers correctly, later', async () => {
  const code = await shop.code();
  sandbox.setFault({ mode: 'slow', on: 'token', ms: 60 });
  const start = performance.now();

  const answer = await (await shop.token(code)).text();

  expect(answer).toContain('access_token=');
  expect(performance.now() - start).toBeGreaterThan(55);
});

it('fault "hang": never answers, and the code is spent anyway', async () => {
  const code = await shop.code();
  sandbox.setFault({ mode: 'hang', on: 'token' });
  const hanging = expect(shop.token(code)).rejects.toThrow('fetch failed');
  await expect.poll(() => sandbox.requests.token).toBe(1);

  sandbox.setFault({ mode: 'none' });

  expect(await (await shop.token(code)).text()).toBe(REUSED);
  await sandbox.close();
  await hanging;
});

it('fault "hang": the connection ends when the sandbox closes', async () => {
  sandbox.setFault({ mode: 'hang', on: 'me' });
  const outcome = expect(shop.me('x')).rejects.toThrow('fetch failed');
  await expect.poll(() => sandbox.requests.me).toBe(1);

  await sandbox.close();

  await outcome;
});

it('fault "reset": hangs up, and the code is spent anyway', async () => {
  const code = await shop.code();
  sandbox.setFault({ mode: 'reset', on: 'token' });
  await expect(shop.token(code)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });

  sandbox.setFault({ mode: 'none' });

  expect(await (await shop.token(code)).text()).toBe(REUSED);
});

it.each([
  ['http500', 500],
  ['html', 200],
] as const)('fault "%s": answers %i and a page, also in place of a redirect', async (mode, status) => {
  sandbox.setFault({ mode });

  for (const response of [await shop.authorize(), await shop.token('x'), await shop.me('x')]) {
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBeNull();
    expect(await response.text()).toMatch(/^<!doctype html>/);
  }
});

it.each([{ fmt: 'jsonp' }, { fmt: 'json' }])(
  'fault "truncated": cuts %j in the middle and declares the shorter length',
  async (more) => {
    const token = await shop.login();
    const whole = await (await shop.me(token, more)).text();
    sandbox.setFault({ mode: 'truncated', on: 'me' });

    const response = await shop.me(token, more);

    const cut = await response.text();
    expect(cut).toBe(whole.slice(0, Math.floor(whole.length / 2)));
    expect(response.headers.get('content-length')).toBe(String(cut.length));
  },
);

it('fault "no_openid": neither /token nor /me sends the openid', async () => {
  const token = await shop.login();
  sandbox.setFault({ mode: 'no_openid' });

  const answer = await shop.token(await shop.code(), { fmt: 'json', need_openid: '1' });

  expect(await answer.json()).not.toHaveProperty('openid');
  expect(await (await shop.me(token)).text()).toBe('callback( {"client_id":"101000001"} );\n');
});

it('fault "foreign_client": /me names another app', async () => {
  const token = await shop.login();
  sandbox.setFault({ mode: 'foreign_client', on: 'me' });

  expect(await (await shop.me(token, { fmt: 'json' })).json()).toMatchObject({ client_id: '101999999' });
});

it('fault "no_unionid": /me leaves the unionid out', async () => {
  const token = await shop.login();
  sandbox.setFault({ mode: 'no_unionid' });

  const answer = await (await shop.me(token, { unionid: '1', fmt: 'json' })).json();

  expect(answer).toHaveProperty('openid');
  expect(answer).not.toHaveProperty('unionid');
});

it('a fault affects only the endpoint for which it is switched on', async () => {
  sandbox.setFault({ mode: 'http500', on: 'me' });

  expect((await shop.authorize()).status).toBe(302);
  expect((await shop.token('x')).status).toBe(200);
  expect((await shop.me('x')).status).toBe(500);
});

it('the counter of requests to QQ includes failed ones', async () => {
  await shop.me(await shop.login());
  sandbox.setFault({ mode: 'http500' });
  await shop.token('x');
  await shop.get('/user/get_user_info', {});

  expect(sandbox.requests).toEqual({ authorize: 1, token: 2, me: 1, user_info: 1 });
});
