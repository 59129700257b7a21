import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../src/common/problem.js';
import { forgetLimit } from '../support/fixtures.js';
import { newMobile, newName, newPassword, newQq, type Answer } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

/** Expects exactly the one error shape. */
function expectProblem(answer: Answer, errorCode: ProblemCode): void {
  const [statusCode, message] = PROBLEMS[errorCode];
  expect(answer.body).toEqual({ statusCode, errorCode, message });
  expect(answer.status).toBe(statusCode);
}

/** Lets the mobile get another SMS at once. */
const forgetMinute = (mobile: string) => forgetLimit(app, 'sms-per-mobile-minute', mobile);

describe('GET /oauth/qq/authorization/', () => {
  it("the start of a login returns QQ's login URL, and gives the browser a cookie", async () => {
    const { status, body, headers } = await app.shopper().get('/oauth/qq/authorization/?next=/cart.html');

    expect(status).toBe(200);
    const url = new URL(body.login_url);
    expect(url.origin + url.pathname).toBe(`${app.sandbox.url}/oauth2.0/authorize`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: '101000001',
      redirect_uri: 'http://localhost/oauth_callback.html',
      scope: 'get_user_info',
    });
    expect(url.searchParams.get('state')).toMatch(/^[^/]/);
    expect(headers.get('set-cookie')).toMatch(
      /^qq_login=[\w-]{22}; Max-Age=4200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('the start of a login answers with and without the trailing slash, and uses / when next is missing or empty', async () => {
    for (const path of ['authorization', 'authorization/', 'authorization?next=', 'authorization/?next=']) {
      const shopper = app.shopper();
      const { body } = await shopper.get(`/oauth/qq/${path}`);
      const answer = await shopper.get(`/oauth/qq/users/?${await shopper.approve(body.login_url, newQq())}`);
      expect(answer.body.next).toBe('/');
    }
  });

  it('the start of a login passes display=mobile on, and ignores any other value', async () => {
    const display = async (value: string) =>
      new URL(
        (await app.shopper().get(`/oauth/qq/authorization/?display=${value}`)).body.login_url,
      ).searchParams.get('display');

    expect(await display('mobile')).toBe('mobile');
    expect(await display('tv')).toBeNull();
  });

  it('the start of a login keeps the state within 500 bytes for the longest next', async () => {
    const url = await app.shopper().start(`/${'a'.repeat(199)}`);

    expect(new URL(url).searchParams.get('state')!.length).toBeLessThanOrEqual(500);
  });

  it('the start of a login sets a Secure __Host- cookie and HSTS on https', async () => {
    const https = await startApp({
      beside: app,
      env: { PUBLIC_URL: 'https://shop.test', WEB_ORIGINS: 'https://shop.test' },
    });
    try {
      const { headers } = await https.shopper().get('/oauth/qq/authorization/');
      expect(headers.get('set-cookie')).toMatch(
        /^__Host-qq_login=.+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      );
      expect(headers.get('strict-transport-security')).toMatch(/max-age=\d+/);
    } finally {
      await https.close();
    }
  });
});

describe('GET /oauth/qq/users/', () => {
  it('the callback gives an unbound QQ a bind token and no user_id', async () => {
    const { status, body, headers } = await app.shopper().loginWithQq(newQq(), '/cart.html');

    expect(status).toBe(200);
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 3600, next: '/cart.html' });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('the callback refuses a request without code or state', async () => {
    for (const query of ['', '?code=ABC', '?state=ABC', '?code=&state=']) {
      const { body } = await app.shopper().get(`/oauth/qq/users/${query}`);
      expect(body.errorCode).toBe('REQUEST_INVALID');
    }
  });

  it('the callback answers QQ_CODE_INVALID when QQ refuses the code', async () => {
    const shopper = app.shopper();
    const state = new URL(await shopper.start()).searchParams.get('state')!;

    expectProblem(
      await shopper.get(`/oauth/qq/users/?code=${'0'.repeat(32)}&state=${state}`),
      'QQ_CODE_INVALID',
    );
  });

  it('the callback answers STATE_INVALID to an unknown state', async () => {
    expectProblem(await app.shopper().get('/oauth/qq/users/?code=ABC&state=forged'), 'STATE_INVALID');
  });
});

describe('POST /oauth/qq/users/', () => {
  it('the bind also answers at its alias, and reads a form-encoded body', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const { status, body, headers } = await shopper.send('/oauth/qq/user', {
      method: 'POST',
      body: new URLSearchParams({ ...form }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });

    expect(status).toBe(200);
    expect(body).toEqual({ token: expect.any(String), user_id: expect.any(Number), username: form.mobile });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('the bind answers ACCOUNT_DISABLED for a disabled account with the right password', async () => {
    const owner = await app.shopper().register();
    await app.dataSource.query('UPDATE tb_users SET is_active = 0 WHERE id = ?', [owner.id]);
    await forgetMinute(owner.mobile);
    const shopper = app.shopper();

    expectProblem(await shopper.bind(await shopper.bindForm(owner)), 'ACCOUNT_DISABLED');
  });

  it('the bind answers QQ_ALREADY_BOUND when the QQ was bound after the token was issued', async () => {
    const [first, second] = [app.shopper(), app.shopper()];
    const qq = newQq();
    const late = await first.bindForm({ qq });
    await second.bind(await second.bindForm({ qq }));

    expectProblem(await first.bind(late), 'QQ_ALREADY_BOUND');
  });

  it('the bind names every invalid field', async () => {
    const { status, body } = await app.shopper().bind({ mobile: '12345', password: '', sms_code: 'abc' });

    expect(status).toBe(400);
    expect(body).toMatchObject({
      errorCode: 'REQUEST_INVALID',
      message: '手机号格式不正确',
      errors: {
        mobile: ['手机号格式不正确'],
        password: ['请输入密码'],
        sms_code: ['短信验证码应为6位数字'],
        access_token: ['缺少access_token'],
      },
    });
  });

  it('the bind counts a password in code points', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm({ password: '🐧'.repeat(20) });

    expect((await shopper.bind({ ...form, password: '🐧'.repeat(21) })).body.errors).toHaveProperty(
      'password',
    );
    expect((await shopper.bind({ ...form, password: '🐧'.repeat(7) })).body.errors).toHaveProperty(
      'password',
    );
    expect((await shopper.bind(form)).status).toBe(200);
  });

  it('the bind refuses a common password for a new account, names the field, and keeps the code', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm({ password: 'password123' });

    const { body } = await shopper.bind(form);

    expect(body).toMatchObject({
      errorCode: 'REQUEST_INVALID',
      errors: { password: ['密码过于常见，请换一个'] },
    });
    expect((await shopper.bind({ ...form, password: newPassword() })).status).toBe(200);
  });
});

describe('GET /image_codes/<uuid>/', () => {
  it('GET /image_codes/<uuid>/ draws a PNG, and the sandbox also sends its text in a header', async () => {
    const { status, headers, text } = await app.shopper().get(`/image_codes/${randomUUID()}/`);

    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('image/png');
    expect(headers.get('x-image-code')).toMatch(/^[A-HJKLMNP-Z2-9]{4}$/);
    expect(text.slice(1, 4)).toBe('PNG');
  });

  it('GET /image_codes/<uuid>/ draws twice as many pixels as the page shows, for sharp screens', async () => {
    const response = await fetch(`${app.url}/image_codes/${randomUUID()}/`);

    // The header of a PNG: its width and height come first.
    const png = Buffer.from(await response.arrayBuffer());
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([240, 88]);
  });

  it('GET /image_codes/<uuid>/ draws a new picture for the same uuid, and the old text is invalid', async () => {
    const shopper = app.shopper();
    const id = randomUUID();
    const first = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code')!;
    const second = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code')!;

    const { status } = await shopper.post('/sms_codes/', {
      mobile: newMobile(),
      image_code_id: id,
      image_code: second,
    });

    expect(second).not.toBe(first);
    expect(status).toBe(200);
  });

  it('GET /image_codes/ draws no picture for anything but a uuid', async () => {
    expect((await app.shopper().get('/image_codes/sms_13800138000/')).body.errorCode).toBe('REQUEST_INVALID');
  });
});

describe('POST /sms_codes/', () => {
  it('POST /sms_codes/ sends six digits, and says how long they are valid', async () => {
    const mobile = newMobile();

    const { status, body } = await app.shopper().askForSms(mobile);

    expect(status).toBe(200);
    expect(body).toEqual({ message: '验证码已发送', expires_in: 300, resend_after: 60 });
    const [message] = app.sandbox.messages(mobile);
    expect(message!.code).toMatch(/^\d{6}$/);
    expect(message!.text).toContain(message!.code);
    expect(await app.redis.get(`sms_${mobile}`)).toBe(message!.code);
    expect(await app.redis.ttl(`sms_${mobile}`)).toBeGreaterThan(290);
  });

  it("POST /sms_codes/ reads the picture's text in any case, and uses the picture up, right or wrong", async () => {
    const shopper = app.shopper();
    const id = randomUUID();
    const picture = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code')!;
    const form = { mobile: newMobile(), image_code_id: id.toUpperCase(), image_code: picture.toLowerCase() };

    expect((await shopper.post('/sms_codes/', form)).status).toBe(200);
    expectProblem(await shopper.post('/sms_codes/', { ...form, mobile: newMobile() }), 'IMAGE_CODE_INVALID');
  });

  it('POST /sms_codes/ answers IMAGE_CODE_INVALID to a wrong text, and the right text is then too late', async () => {
    const shopper = app.shopper();
    const id = randomUUID();
    const picture = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code')!;
    const form = { mobile: newMobile(), image_code_id: id };

    expectProblem(await shopper.post('/sms_codes/', { ...form, image_code: '????' }), 'IMAGE_CODE_INVALID');
    expectProblem(await shopper.post('/sms_codes/', { ...form, image_code: picture }), 'IMAGE_CODE_INVALID');
  });

  it('POST /sms_codes/ answers TOO_MANY_REQUESTS within the minute, with the seconds to wait', async () => {
    const shopper = app.shopper();
    const mobile = newMobile();
    await shopper.askForSms(mobile);

    const second = await shopper.askForSms(mobile);

    expectProblem(second, 'TOO_MANY_REQUESTS');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(app.sandbox.messages(mobile)).toHaveLength(1);
  });

  it('POST /sms_codes/ answers SMS_UNAVAILABLE when the gateway refuses, and the user may ask again at once', async () => {
    const shopper = app.shopper();
    const mobile = newMobile();
    app.sandbox.smsFault = 'refuse';
    try {
      expectProblem(await shopper.askForSms(mobile), 'SMS_UNAVAILABLE');
    } finally {
      app.sandbox.smsFault = 'none';
    }

    expect((await shopper.askForSms(mobile)).status).toBe(200);
  });
});

describe('POST /users/', () => {
  it('POST /users/ opens an account and logs it in', async () => {
    const shopper = app.shopper();
    const form = { username: newName(), password: newPassword(), mobile: newMobile() };

    const { status, body, headers } = await shopper.post('/users/', {
      ...form,
      sms_code: await shopper.smsCode(form.mobile),
    });

    expect(status).toBe(201);
    const masked = `${form.mobile.slice(0, 3)}****${form.mobile.slice(-4)}`;
    expect(body).toEqual({
      id: expect.any(Number),
      username: form.username,
      mobile: masked,
      token: expect.any(String),
    });
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await shopper.get('/user/', body.token)).body).toMatchObject({ id: body.id, mobile: masked });
  });

  it('POST /users/ answers USERNAME_TAKEN in any case of letters, and MOBILE_TAKEN, and keeps the code', async () => {
    const owner = await app.shopper().register();
    const shopper = app.shopper();
    const mobile = newMobile();
    const form = {
      username: owner.username.toUpperCase(),
      password: newPassword(),
      mobile,
      sms_code: await shopper.smsCode(mobile),
    };

    expectProblem(await shopper.post('/users/', form), 'USERNAME_TAKEN');
    expect((await shopper.post('/users/', { ...form, username: newName() })).status).toBe(201);
    await forgetMinute(mobile);
    const again = { ...form, username: newName(), sms_code: await shopper.smsCode(mobile) };
    expectProblem(await shopper.post('/users/', again), 'MOBILE_TAKEN');
  });

  it('POST /users/ refuses a username that is too short, too long, has other characters or is a mobile number', async () => {
    for (const username of ['abcd', 'a'.repeat(21), 'with space', '小明同学们', '13800138000']) {
      const { body } = await app.shopper().post('/users/', { username });
      expect(body.errors).toHaveProperty('username');
    }
  });
});

describe('POST /authorizations/', () => {
  it('POST /authorizations/ logs in by username or mobile', async () => {
    const owner = await app.shopper().register();

    for (const username of [owner.username, owner.mobile]) {
      const { status, body } = await app
        .shopper()
        .post('/authorizations/', { username, password: owner.password });
      expect(status).toBe(200);
      expect(body).toEqual({ token: expect.any(String), user_id: owner.id, username: owner.username });
    }
  });

  it('POST /authorizations/ gives one answer to a wrong password and an unknown name', async () => {
    const owner = await app.shopper().register();

    for (const username of [owner.username, 'nobody_at_all']) {
      expectProblem(
        await app.shopper().post('/authorizations/', { username, password: newPassword() }),
        'CREDENTIALS_INVALID',
      );
    }
  });

  it("POST /authorizations/ renews the hash of an old shop's password at the next successful login", async () => {
    const owner = await app.shopper().register();
    const old = 'pbkdf2_sha256$36000$abcdefghijkl$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=';
    await app.dataSource.query('UPDATE tb_users SET password = ? WHERE id = ?', [old, owner.id]);
    const login = () =>
      app.shopper().post('/authorizations/', { username: owner.username, password: 'mysecret12' });

    expect((await login()).status).toBe(200);

    const stored = async () => {
      const sql = 'SELECT password FROM tb_users WHERE id = ?';
      const [row] = await app.dataSource.query<{ password: string }[]>(sql, [owner.id]);
      return row!.password;
    };
    await expect.poll(stored).toMatch(/^bcrypt_sha256\$\$2b\$04\$/);
    expect((await login()).status).toBe(200);
  });
});

describe('GET /user/', () => {
  it('GET /user/ accepts the token with the schemes Bearer and JWT only', async () => {
    const { token } = await app.shopper().register();
    const ask = (authorization: string) => app.shopper().send('/user', { headers: { authorization } });

    expect((await ask(`Bearer ${token}`)).status).toBe(200);
    expect((await ask(`JWT ${token}`)).status).toBe(200);
    const refused = await ask(`Basic ${token}`);
    expectProblem(refused, 'LOGIN_REQUIRED');
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('Accept-Language', () => {
  const english = { 'accept-language': 'en-US,en;q=0.9,zh;q=0.5' };

  it('Accept-Language that prefers English gets every error sentence in English, with the same errorCode', async () => {
    const { status, headers, body } = await app.shopper().send('/oauth/qq/users/', {
      method: 'POST',
      body: { mobile: '12345', password: '', sms_code: 'abc' },
      headers: english,
    });

    expect(status).toBe(400);
    expect(headers.get('content-language')).toBe('en');
    expect(body).toEqual({
      statusCode: 400,
      errorCode: 'REQUEST_INVALID',
      message: 'Enter a mobile number of mainland China, 11 digits',
      errors: {
        mobile: ['Enter a mobile number of mainland China, 11 digits'],
        password: ['Enter a password'],
        sms_code: ['The SMS code has 6 digits'],
        access_token: ['access_token is missing'],
      },
    });
  });

  it("Accept-Language that prefers English also translates the framework's errors and successes", async () => {
    const owner = await app.shopper().register();
    const missing = await app.shopper().send('/nothing/here/', { headers: english });
    const { body } = await app.shopper().send('/user/password/', {
      method: 'PUT',
      token: owner.token,
      body: { old_password: owner.password, new_password: newPassword() },
      headers: english,
    });

    expect(missing.body).toEqual({ statusCode: 404, errorCode: 'NOT_FOUND', message: 'Not found' });
    expect(body.message).toBe('The password has been changed. Log in again');
  });

  it('Accept-Language that prefers Chinese, or is missing, gets Chinese', async () => {
    for (const accepted of ['', 'zh-CN,zh;q=0.9,en;q=0.8']) {
      const headers = { 'accept-language': accepted };
      expectProblem(await app.shopper().send('/nothing/here/', { headers }), 'NOT_FOUND');
    }
  });
});

describe('GET /page_settings/', () => {
  it('GET /page_settings/ returns the settings that a page needs, and nothing else', async () => {
    const branded = await startApp({
      beside: app,
      env: {
        BRAND_NAME: '小店',
        BRAND_LOGO_URL: 'https://img.shop.test/logo.svg',
        ICP_NUMBER: '京ICP备00000000号-1',
        SUPPORT_URL: 'https://shop.test/help',
        TERMS_VERSION: '2026-11',
        TERMS_URL: 'https://shop.test/terms.html',
        PRIVACY_URL: 'https://shop.test/privacy.html',
        HUMAN_CHECK: 'altcha',
        QQ_PROFILE: 'true',
      },
    });
    try {
      expect((await branded.shopper().get('/page_settings')).body).toEqual({
        brand: '小店',
        logo_url: 'https://img.shop.test/logo.svg',
        icp: '京ICP备00000000号-1',
        support_url: 'https://shop.test/help',
        terms_version: '2026-11',
        terms_url: 'https://shop.test/terms.html',
        privacy_url: 'https://shop.test/privacy.html',
        human_check: ['altcha'],
        qq_profile: true,
        sms_login: true,
      });
    } finally {
      await branded.close();
    }
    expect((await app.shopper().get('/page_settings/')).body).toMatchObject({
      brand: '商城账号',
      logo_url: null,
      terms_version: null,
      human_check: ['altcha', 'picture'],
      qq_profile: false,
    });
  });
});

describe('health and docs', () => {
  it('the health routes answer that the service is alive and ready', async () => {
    expect((await app.shopper().get('/health/live')).body).toEqual({ status: 'ok' });
    expect((await app.shopper().get('/health/ready')).body).toEqual({ status: 'ok' });
  });

  it('the OpenAPI document names the path prefix of PUBLIC_URL, which a proxy strips', async () => {
    const PUBLIC_URL = 'https://shop.example/account/';
    const prefixed = await startApp({
      beside: app,
      env: { PUBLIC_URL, WEB_ORIGINS: 'https://shop.example' },
    });
    try {
      const servers = async ({ url }: App) =>
        ((await (await fetch(`${url}/docs-json`)).json()) as { servers: unknown }).servers;

      expect(await servers(prefixed)).toEqual([{ url: '/account' }]);
      expect(await servers(app)).toEqual([{ url: '/' }]);
    } finally {
      await prefixed.close();
    }
  });

  it.each(['/health/live', '/health/ready'])('HEAD %s is answered without a body', async (path) => {
    const { status, text, headers } = await app.shopper().send(path, { method: 'HEAD' });

    expect({ status, text }).toEqual({ status: 200, text: '' });
    expect(headers.get('content-type')).toContain('application/json');
  });

  it('HEAD is answered on no other route, because it would run the GET', async () => {
    for (const path of ['/oauth/qq/authorization/', '/oauth/qq/users/', '/user/'])
      expect((await app.shopper().send(path, { method: 'HEAD' })).status).toBe(404);
  });

  it('the OpenAPI document has every route, its examples and its errors', async () => {
    const { body } = await app.shopper().get('/docs-json');
    const paths = body.paths as Record<
      string,
      Record<string, { summary?: string; responses: Record<string, unknown> }>
    >;
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );

    expect(routes.toSorted()).toEqual(ROUTES.toSorted());
    for (const methods of Object.values(paths)) {
      for (const { summary, responses } of Object.values(methods)) {
        expect(summary).toBeTruthy();
        expect(Object.keys(responses).length).toBeGreaterThan(0);
      }
    }
    expect((await app.shopper().get('/docs')).text).toContain('swagger-ui');
  });

  it('/docs/ redirects to /docs by a relative address', async () => {
    const { status, headers } = await app.shopper().get('/docs/');
    const page = await app.shopper().get('/docs');

    expect({ status, location: headers.get('location') }).toEqual({ status: 302, location: '../docs' });
    const assets = [...page.text.matchAll(/(?:src|href)="\.(\/docs\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(assets.length).toBeGreaterThan(3);
    for (const path of assets) expect((await app.shopper().get(path)).status, path).toBe(200);
  });

  it('an unknown path is answered in the one error shape', async () => {
    expectProblem(await app.shopper().get('/nothing/here/'), 'NOT_FOUND');
  });
});

const ROUTES = [
  'GET /oauth/qq/authorization/',
  'GET /oauth/qq/users/',
  'POST /oauth/qq/users/',
  'POST /oauth/qq/user/',
  'GET /human_checks/',
  'GET /image_codes/{id}/',
  'POST /sms_codes/',
  'POST /users/',
  'POST /authorizations/',
  'DELETE /authorizations/',
  'DELETE /authorizations/all/',
  'POST /authorizations/sms/',
  'POST /authorizations/introspection/',
  'PUT /user/mobile/',
  'DELETE /user/',
  'GET /user/',
  'PUT /user/password/',
  'POST /user/password/',
  'GET /user/events/',
  'GET /oauth/qq/bindings/',
  'POST /oauth/qq/bindings/',
  'DELETE /oauth/qq/bindings/{id}/',
  'GET /page_settings/',
  'GET /health/live',
  'GET /health/ready',
];
