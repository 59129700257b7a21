import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';

const REDIRECT_URI = 'http://localhost:3000/oauth_callback.html';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0 });
});
afterEach(() => sandbox.close());

function call(path: string, parameters: Record<string, string>, patienceMs = 5000): Promise<Response> {
  const query = new URLSearchParams(parameters).toString();
  const signal = AbortSignal.timeout(patienceMs);
  return fetch(`${sandbox.url}${path}?${query}`, { redirect: 'manual', signal });
}

function authorize(): Promise<Response> {
  return call('/oauth2.0/authorize', {
    response_type: 'code',
    client_id: '101000001',
    redirect_uri: REDIRECT_URI,
    state: 's',
    login_as: '10001',
  });
}

async function code(): Promise<string> {
  return new URL((await authorize()).headers.get('location')!).searchParams.get('code')!;
}

function token(code: string, patienceMs?: number): Promise<Response> {
  const parameters = {
    grant_type: 'authorization_code',
    client_id: '101000001',
    client_secret: 'sandbox-app-key',
    code,
    redirect_uri: REDIRECT_URI,
    fmt: 'json',
    need_openid: '1',
  };
  return call('/oauth2.0/token', parameters, patienceMs);
}

async function accessToken(): Promise<string> {
  return ((await (await token(await code())).json()) as { access_token: string }).access_token;
}

async function me(access_token: string): Promise<Response> {
  return call('/oauth2.0/me', { access_token, unionid: '1' });
}

function put(body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${sandbox.url}/faults`, { method: 'PUT', headers, body: JSON.stringify(body) });
}

describe('a fault', () => {
  it('slow: answers properly, later', async () => {
    const good = await code();
    sandbox.setFault({ mode: 'slow', on: 'token', ms: 60 });
    const start = performance.now();

    const answer = await (await token(good)).json();

    expect(answer).toHaveProperty('openid');
    expect(performance.now() - start).toBeGreaterThan(55);
  });

  it('hang: never answers, the code is spent all the same, and closing lets go', async () => {
    const good = await code();
    sandbox.setFault({ mode: 'hang', on: 'token' });
    await expect(token(good, 100)).rejects.toThrow(/timeout/);

    sandbox.setFault({ mode: 'none' });
    expect(await (await token(good)).text()).toContain('"error":100020');

    sandbox.setFault({ mode: 'hang', on: 'me' });
    const hanging = me('x').catch((error: unknown) => error);
    await expect.poll(() => sandbox.requests.me).toBe(1);
    await sandbox.close();
    expect(await hanging).toBeDefined();
  });

  it('reset: hangs up', async () => {
    sandbox.setFault({ mode: 'reset', on: 'me' });

    await expect(me('x')).rejects.toThrow('fetch failed');
  });

  it.each([
    ['http500', 500],
    ['html', 200],
  ] as const)('%s: answers %i and a page, to a redirect too', async (mode, status) => {
    sandbox.setFault({ mode });

    for (const response of [await authorize(), await token('x'), await me('x')]) {
      expect(response.status).toBe(status);
      expect(response.headers.get('location')).toBeNull();
      expect(await response.text()).toMatch(/^<!doctype html>/);
    }
  });

  it('truncated: cuts the body and counts the bytes that are left', async () => {
    const access_token = await accessToken();
    const whole = await (await me(access_token)).text();
    sandbox.setFault({ mode: 'truncated', on: 'me' });

    const response = await me(access_token);

    const cut = await response.text();
    expect(cut).toBe(whole.slice(0, cut.length));
    expect(cut.length).toBeLessThan(whole.length);
    expect(response.headers.get('content-length')).toBe(String(cut.length));
  });

  it.each([
    ['no_openid', 'callback( {"client_id":"101000001","unionid":"UID_'],
    ['foreign_client', 'callback( {"client_id":"101999999","openid":"'],
  ] as const)('%s: /me answers %s…', async (mode, start) => {
    const access_token = await accessToken();
    sandbox.setFault({ mode });

    expect((await (await me(access_token)).text()).startsWith(start)).toBe(true);
  });

  it('no_openid: /token leaves it out', async () => {
    sandbox.setFault({ mode: 'no_openid', on: 'token' });

    expect(await (await token(await code())).json()).not.toHaveProperty('openid');
  });

  it('no_unionid: /me leaves it out', async () => {
    const access_token = await accessToken();
    sandbox.setFault({ mode: 'no_unionid' });

    expect(await (await me(access_token)).text()).not.toContain('unionid');
  });

  it('strikes where it is switched on, nowhere else', async () => {
    sandbox.setFault({ mode: 'http500', on: 'me' });

    expect((await authorize()).status).toBe(302);
    expect((await token('x')).status).toBe(200);
    expect((await me('x')).status).toBe(500);
  });
});

describe('/faults', () => {
  it('is read and turned by programs', async () => {
    const slow = { mode: 'slow', on: 'token', ms: 20 };

    expect(await (await put(slow)).json()).toEqual(slow);
    expect(await (await fetch(`${sandbox.url}/faults`)).json()).toEqual(slow);
    expect(await (await put({ mode: 'none' })).json()).toEqual({ mode: 'none', on: 'all', ms: 5000 });
  });

  it.each([
    [{ mode: 'tired' }, /^mode must be one of none, slow, /],
    [{}, /^mode must be one of/],
    [{ mode: 'slow', on: 'phone' }, /^on must be one of all, authorize, /],
    [{ mode: 'slow', ms: -1 }, /^ms must be a whole number/],
    [{ mode: 'slow', ms: '5000' }, /^ms must be a whole number/],
    [[], /^Send an object/],
  ])('refuses %j with a sentence, and stays as it was', async (wrong, sentence) => {
    const response = await put(wrong);

    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toMatch(sentence);
    expect(await (await fetch(`${sandbox.url}/faults`)).json()).toMatchObject({ mode: 'none' });
  });

  it('is a page with a form for people', async () => {
    const headers = { accept: 'text/html' };
    const body = new URLSearchParams({ mode: 'hang', on: 'me', ms: '5000' });

    const page = await fetch(`${sandbox.url}/faults/`, { method: 'POST', headers, body });

    expect(await page.text()).toMatch(/role="status"[^>]*>\s*现在：永远不回答（查询身份 me）/);
  });
});

it('counts the requests QQ got, by endpoint', async () => {
  const access_token = await accessToken();
  await me(access_token);
  await call('/user/get_user_info', {});
  sandbox.setFault({ mode: 'http500' });
  await token('x');

  expect(sandbox.requests).toEqual({ authorize: 1, token: 2, me: 1, user_info: 1 });
});
