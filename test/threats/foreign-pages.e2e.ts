import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atOnce } from '../support/fixtures.js';
import { newMobile, newPassword } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const SHOP = 'https://shop.example';
const CHANGING = [
  ['POST', '/authorizations/'],
  ['POST', '/sms_codes/'],
  ['POST', '/users/'],
  ['POST', '/oauth/qq/users/'],
  ['POST', '/oauth/qq/user/'],
  ['POST', '/oauth/qq/bindings/'],
  ['DELETE', '/oauth/qq/bindings/1/'],
  ['POST', '/user/password/'],
  ['PUT', '/user/password/'],
  ['DELETE', '/authorizations/'],
  ['DELETE', '/authorizations/all/'],
  ['POST', '/nothing/here/'],
] as const;

let app: App;

beforeAll(async () => {
  const env = {
    PUBLIC_URL: `${SHOP}/account`,
    WEB_ORIGINS: 'https://m.shop.example',
    LIMITS: 'login-failures-per-account-and-ip=1/60',
  };
  app = await startApp({ env });
});

afterAll(async () => {
  await app.close();
});

const from = (origin: string) =>
  app.shopper().send('/authorizations/', {
    method: 'POST',
    body: { username: 'nobody_here', password: newPassword() },
    headers: { origin },
  });

describe('a page of another origin', () => {
  it.each(CHANGING)('a page of another origin may not %s %s', async (method, path) => {
    const answer = await app
      .shopper()
      .send(path, { method, body: { password: newPassword() }, headers: { origin: 'https://evil.example' } });

    expect(answer.status).toBe(403);
    expect(answer.body).toEqual({ statusCode: 403, errorCode: 'ORIGIN_REFUSED', message: '来源不被允许' });
  });

  it.each([
    'null',
    '',
    'https://evil.example',
    'http://shop.example',
    'https://shop.example.evil.example',
    'https://evil-shop.example',
    'https://sister.shop.example',
    'https://shop.example:8443',
    'https://shop.example, https://evil.example',
    'https://SHOP.example',
    'http://127.0.0.1:1',
    'file://',
  ])('a page of another origin is refused, whatever its Origin header: %s', async (origin) => {
    expect((await from(origin)).body.errorCode).toBe('ORIGIN_REFUSED');
  });

  it.each(['https://shop.example', 'https://m.shop.example'])(
    'a page of a listed origin is served: %s',
    async (origin) => {
      expect((await from(origin)).body.errorCode).toBe('CREDENTIALS_INVALID');
    },
  );

  it('a page of another origin is refused before its body is read', async () => {
    const answer = await app.shopper().send('/authorizations/', {
      method: 'POST',
      body: 'x'.repeat(20_000),
      headers: { origin: 'https://evil.example', 'content-type': 'text/plain' },
    });

    expect(answer.body.errorCode).toBe('ORIGIN_REFUSED');
  });

  it("a page of another origin does not use up its visitor's limits", async () => {
    const visitor = app.shopper();
    const form = {
      method: 'POST',
      body: new URLSearchParams({ username: 'somebody_1', password: newPassword() }).toString(),
      headers: { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
    };

    for (const answer of await atOnce(20, () => visitor.send('/authorizations/', form)))
      expect(answer.body.errorCode).toBe('ORIGIN_REFUSED');

    // The limit of this file is one failure, so its own first failure is still allowed.
    const own = await visitor.post('/authorizations/', { username: 'somebody_1', password: newPassword() });
    expect(own.body.errorCode).toBe('CREDENTIALS_INVALID');
  });

  it('a page of another origin may read what is public, and start a login', async () => {
    const headers = { origin: 'https://evil.example' };

    expect((await app.shopper().send('/oauth/qq/authorization/', { headers })).status).toBe(200);
    expect((await app.shopper().send('/page_settings/', { headers })).status).toBe(200);
  });
});

describe('a page opened on the machine of the service', () => {
  it.each(['127.0.0.1', 'localhost'])(
    "a page under %s with the service's port is served on the same machine, outside of production",
    async (host) => {
      const { port } = new URL(app.url);

      expect((await from(`http://${host}:${port}`)).body.errorCode).toBe('CREDENTIALS_INVALID');
      expect((await from(`http://${host}:${Number(port) + 1}`)).body.errorCode).toBe('ORIGIN_REFUSED');
      expect((await from(`http://${host}`)).body.errorCode).toBe('ORIGIN_REFUSED');
    },
  );
});

describe('an error', () => {
  it.each([
    ['a 400', 'POST', '/users/', {}, 400],
    ['a 401', 'GET', '/user/', undefined, 401],
    ['a 404', 'GET', '/nothing/here/', undefined, 404],
    ['a 413', 'POST', '/users/', { more: 'x'.repeat(20_000) }, 413],
    ['a 414', 'GET', `/user/?${'x'.repeat(13_000)}`, undefined, 414],
    ['a 414 of a page', 'GET', `/?${'x'.repeat(13_000)}`, undefined, 414],
    ['a malformed body', 'POST', '/users/', '{', 400],
  ] as const)('an error carries the CORS headers: %s', async (_name, method, path, body, status) => {
    const origin = 'https://m.shop.example';
    const answer = await app.shopper().send(path, { method, body, headers: { origin } });

    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ statusCode: status, errorCode: expect.any(String) });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    expect(answer.headers.get('access-control-expose-headers')).toBe(
      'Retry-After, X-Request-Id, X-Image-Code',
    );
  });

  it('ORIGIN_REFUSED gives a foreign page nothing to read', async () => {
    const { headers } = await from('https://evil.example');

    expect(headers.has('access-control-allow-origin')).toBe(false);
  });

  it("a limit's refusal carries the CORS headers and Retry-After", async () => {
    const shopper = app.shopper();
    const form = { username: newMobile(), password: newPassword() };
    const send = () =>
      shopper.send('/authorizations/', {
        method: 'POST',
        body: form,
        headers: { origin: 'https://m.shop.example' },
      });
    await send();

    const { body, headers } = await send();

    expect(body.errorCode).toBe('TOO_MANY_REQUESTS');
    expect(headers.get('access-control-allow-origin')).toBe('https://m.shop.example');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
