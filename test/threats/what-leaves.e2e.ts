import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogRecorder } from '../support/log-recorder.js';
import { type Answer, newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { APP_KEY, type App, startApp } from '../support/start-app.js';

/** All pictures, SMS and guesses of this file fall into one minute. */
const LIMITS = ['sms-per-mobile-minute', 'sms-per-mobile-hour', 'sms-tries-per-mobile-day']
  .map((rule) => `${rule}=1000/60`)
  .join();
const SHOP = 'https://shop.example';

let app: App;
/** A service with https, only the API, and a second origin. */
let strict: App;

beforeAll(async () => {
  app = await startApp({ env: { LIMITS } });
  strict = await startApp({
    beside: app,
    env: {
      LIMITS,
      PUBLIC_URL: `${SHOP}/`,
      WEB_ORIGINS: `${SHOP},https://m.shop.example:8443`,
      DOCS: 'off',
      PAGES: 'off',
      IMAGE_CODE_HEADER: 'off',
    },
  });
});

afterAll(async () => {
  await strict.close();
  await app.close();
});

/** Everything that a person can do, and most refusals: every answer, with what was done. */
async function tour(shopper: Shopper): Promise<{ answers: [string, Answer][]; secrets: string[] }> {
  const answers: [string, Answer][] = [];
  const secrets: string[] = [];
  const did = async (what: string, answer: Promise<Answer>) => {
    answers.push([what, await answer]);
    return answer;
  };
  const mobile = newMobile();
  const [password, other] = [newPassword(), newPassword()];
  const username = newName();
  secrets.push(password, other);
  const code = async () => {
    await did('asked for an SMS', shopper.askForSms(mobile));
    const sent = app.sandbox.messages(mobile)[0]!.code;
    secrets.push(sent);
    return sent;
  };

  await did(
    'registered badly',
    shopper.post('/users/', { username, password: mobile, mobile, sms_code: '1' }),
  );
  const sms_code = await code();
  const { body } = await did('registered', shopper.post('/users/', { username, password, mobile, sms_code }));
  await did(
    'registered twice',
    shopper.post('/users/', { username, password, mobile, sms_code: await code() }),
  );
  await did('guessed', shopper.post('/authorizations/', { username, password: other }));
  const login = await did('logged in', shopper.post('/authorizations/', { username: mobile, password }));
  await did('asked who they are', shopper.get('/user/', body.token));
  const qq = newQq();
  const unbound = await did('came from QQ', shopper.loginWithQq(qq));
  const form = { mobile, password, sms_code: await code(), access_token: unbound.body.access_token };
  await did('bound with a wrong password', shopper.bind({ ...form, password: other }));
  await did('bound with a wrong code', shopper.bind({ ...form, sms_code: '000000' }));
  await did('bound', shopper.bind(form));
  await did('bound again', shopper.bind(form));
  await did('bound with a used token', shopper.bind({ ...form, password: other }));
  await did('came from QQ, bound', shopper.loginWithQq(qq));
  await did(
    'came with a forged state',
    shopper.get('/oauth/qq/users/?code=0123456789ABCDEF&state=xforged.state.of.mine'),
  );
  const second = (await did('came from a second QQ', shopper.loginWithQq(newQq()))).body.access_token;
  await did(
    'added it',
    shopper.post(
      '/oauth/qq/bindings/',
      { access_token: second, password, sms_code: await code() },
      login.body.token,
    ),
  );
  const list = await did('listed the QQs', shopper.get('/oauth/qq/bindings/', login.body.token));
  const { id } = (JSON.parse(list.text) as { id: number }[])[0]!;
  await did('listed events', shopper.get('/user/events/', login.body.token));
  const unbind = { method: 'DELETE', token: login.body.token };
  await did(
    'unbound badly',
    shopper.send(`/oauth/qq/bindings/${id}/`, { ...unbind, body: { password: other } }),
  );
  await did('unbound', shopper.send(`/oauth/qq/bindings/${id}/`, { ...unbind, body: { password } }));
  await did('came with an ended token', shopper.get('/user/', login.body.token));
  const reset = { mobile, sms_code: await code(), password: other };
  await did('forgot the password', shopper.post('/user/password/', reset));
  const again = await did('logged in anew', shopper.post('/authorizations/', { username, password: other }));
  const change = { old_password: other, new_password: password };
  await did(
    'changed it',
    shopper.send('/user/password/', { method: 'PUT', body: change, token: again.body.token }),
  );
  await did('came with a forged token', shopper.get('/user/', `${again.body.token.slice(0, -4)}AAAA`));
  for (const mode of ['html', 'truncated', 'no_openid', 'reset', 'http500'] as const) {
    app.sandbox.setFault({ mode, on: 'token' });
    await did(`came while QQ was ${mode}`, shopper.loginWithQq(qq));
  }
  app.sandbox.setFault({ mode: 'none' });
  app.sandbox.smsFault = 'refuse';
  await did('asked for an SMS in vain', shopper.askForSms(mobile));
  app.sandbox.smsFault = 'none';
  await did('sent no JSON', shopper.post('/authorizations/', '{"password":"half-a-passw'));
  await did('went astray', shopper.get('/../../etc/passwd'));
  return { answers, secrets };
}

describe('the log', () => {
  it('the log tells what happened, without any secret', async () => {
    await tour(app.shopper());

    for (const line of ['QQ bound', 'QQ added', 'QQ unbound', 'SMS code sent', 'QQ_UNAVAILABLE'])
      expect(app.logRecorder.lines).toContain(line);
    expect(app.logRecorder.leaks()).toEqual([]);
    expect(app.logRecorder.lines).not.toMatch(/\b1[3-9]\d{9}\b|bcrypt|\$2b\$|eyJ|\b[0-9A-F]{32}\b/);
  });

  it('the log has an unexpected error with its place and without values, and the answer has neither', async () => {
    const broken = await startApp({ env: { LIMITS } });
    const shopper = broken.shopper();
    const form = await shopper.bindForm();
    await broken.dataSource.query('ALTER TABLE tb_oauth_qq RENAME TO tb_elsewhere');

    const answer = await shopper.bind(form);

    expect(answer.status).toBe(500);
    expect(answer.text).toBe('{"statusCode":500,"errorCode":"INTERNAL_ERROR","message":"服务器内部错误"}');
    expect(broken.logRecorder.lines).toContain(answer.headers.get('x-request-id'));
    expect(broken.logRecorder.lines).toMatch(/QueryFailedError.*INTERNAL_ERROR/s);
    expect(broken.logRecorder.lines).toMatch(/at QqBind/);
    await broken.dataSource.query('ALTER TABLE tb_elsewhere RENAME TO tb_oauth_qq');
    await broken.close();
  });

  it('the log is searched for every secret of this suite, in every notation', () => {
    const secrets = [
      'a "quoted" passphrase, long',
      'Pw-3k9x-17',
      '13800138000',
      'eyJhbGciOiJIUzI1NiJ9.eyJvcGVuaWQiOiJBQkMifQ.c2lnbmF0dXJlLW9mLWl0',
    ];
    const found = (line: string) => {
      const book = new LogRecorder();
      book.keep(...secrets);
      book.add(line);
      return book.leaks().length;
    };

    expect(found('QQ bound {"userId":1,"at":1380013800012,"ref":"aPw-3k9x-17b"}')).toBe(0);
    for (const secret of secrets)
      for (const line of [
        `password=${secret}`,
        JSON.stringify({ cause: { secret } }),
        `GET /?a=${encodeURIComponent(secret)}&b`,
        Buffer.from(secret).toString('hex'),
        Buffer.from(`${secret}:more`).toString('base64'),
      ])
        expect(found(line), line).toBe(1);
    expect(found('only a signature: c2lnbmF0dXJlLW9mLWl0')).toBe(1);
  });
});

describe('an answer', () => {
  it('an answer has no password, hash, code or key, and nothing about another person', async () => {
    const [one, two] = [await tour(app.shopper()), await tour(app.shopper())];
    const rows = await app.dataSource.query<Record<string, string>[]>(
      'SELECT u.password, u.mobile, q.openid FROM tb_users u LEFT JOIN tb_oauth_qq q ON q.user_id = u.id',
    );
    const hashes = rows.map(({ password }) => password!);
    const openids = rows.flatMap(({ openid }) => openid ?? []);

    for (const { answers, secrets } of [one, two])
      for (const [what, { text, headers }] of answers) {
        const all = text + JSON.stringify([...headers].filter(([name]) => name !== 'x-image-code'));
        for (const secret of [...secrets, ...hashes, ...openids, APP_KEY, 'bcrypt', '"password":"'])
          expect(all, what).not.toContain(secret);
      }
    const own = (text: string) => /"username":"(\w+)"/.exec(text)?.[1];
    const others = two.answers.map(([, { text }]) => own(text)).filter((name) => name !== undefined);
    for (const [what, { text }] of one.answers)
      for (const name of others) expect(text, what).not.toContain(name);
  });

  it('an answer shows a mobile masked, also to its owner', async () => {
    const owner = await app.shopper().register();

    const { text, body } = await app.shopper().get('/user/', owner.token);

    expect(body.mobile).toBe(`${owner.mobile.slice(0, 3)}****${owner.mobile.slice(-4)}`);
    expect(text).not.toContain(owner.mobile);
  });

  it('an error answer is one sentence, without stack, SQL or path', async () => {
    const { answers } = await tour(app.shopper());
    const errors = answers.filter(([, { status }]) => status >= 400);

    expect(errors.length).toBeGreaterThan(15);
    for (const [what, { text, body }] of errors) {
      expect(
        Object.keys(body).filter((name) => name !== 'errors'),
        what,
      ).toEqual(['statusCode', 'errorCode', 'message']);
      expect(text, what).not.toMatch(
        /\bat |Error:|node_modules|\/src\/|\.[jt]s\b|tb_|SELECT|INSERT|ER_|SQLITE|redis|undici|\/etc/i,
      );
    }
  });

  it('an answer with a token is never stored by caches', async () => {
    const { answers } = await tour(app.shopper());
    const tokens = answers.filter(([, { text }]) => /token"/.test(text));

    expect(tokens.length).toBeGreaterThan(5);
    for (const [what, { headers }] of answers) expect(headers.get('cache-control'), what).toBe('no-store');
  });
});

describe('what is not served', () => {
  it.each([
    '/.env',
    '/package.json',
    '/tsconfig.json',
    '/../package.json',
    '/.data/jwt-secret',
    '/.git/config',
    '/src/main.ts',
    '/node_modules/fastify/package.json',
    '/public/index.html',
  ])('the path %s is not found', async (path) => {
    expect(await app.shopper().get(path)).toMatchObject({ status: 404, body: { errorCode: 'NOT_FOUND' } });
  });

  it.each([
    '/docs',
    '/docs/',
    '/docs-json',
    '/docs-yaml',
    '/docs/swagger-ui-init.js',
    '/docs/swagger-ui.css',
  ])('the path %s is not found with DOCS=off', async (path) => {
    expect(await strict.shopper().get(path)).toMatchObject({ status: 404, body: { errorCode: 'NOT_FOUND' } });
  });

  it.each(['/', '/index.html', '/oauth_callback.html', '/user.html', '/qq-login.js', '/style.css'])(
    'the path %s is not found with PAGES=off',
    async (path) => {
      expect((await app.shopper().get(path)).status).toBe(200);
      expect(await strict.shopper().get(path)).toMatchObject({
        status: 404,
        body: { errorCode: 'NOT_FOUND' },
      });
    },
  );

  it("a picture's answer does not contain its text", async () => {
    const path = `/image_codes/${crypto.randomUUID()}/`;

    const { headers } = await strict.shopper().get(path);

    expect(headers.get('content-type')).toBe('image/png');
    expect(headers.has('x-image-code')).toBe(false);
  });
});

describe('the headers', () => {
  const everywhere = [
    '/',
    '/user.html',
    '/qq-login.js',
    '/docs',
    '/docs-json',
    '/health/live',
    '/user/',
    '/nowhere/',
  ].concat(
    '/oauth/qq/authorization/?next=/',
    `/image_codes/${crypto.randomUUID()}/`,
    '/image_codes/%',
    `/nowhere/${'x'.repeat(13_000)}`,
  );

  it.each(everywhere)('the headers of %.40s forbid sniffing, framing and referrers', async (path) => {
    const { headers } = await app.shopper().get(path);

    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    for (const name of ['x-powered-by', 'server', 'strict-transport-security', 'via', 'x-response-time'])
      expect(headers.has(name), name).toBe(false);
  });

  it.each(['/', '/index.html', '/oauth_callback.html', '/user.html'])(
    'the headers of the page %s allow only its own scripts and styles',
    async (path) => {
      const { headers, text } = await app.shopper().get(path);

      const policy = Object.fromEntries(
        headers
          .get('content-security-policy')!
          .split(';')
          .map((directive) => {
            const [name = '', ...sources] = directive.trim().split(' ');
            return [name, sources];
          }),
      );
      expect(policy).toMatchObject({
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
      });
      expect(
        Object.values(policy)
          .flat()
          .filter((source) => !["'self'", "'none'"].includes(source)),
      ).toEqual([]);
      // The page works under this policy, because it has no inline code.
      expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:/i);
    },
  );

  it('the headers and the cookie require https if browsers use https', async () => {
    const { headers } = await strict.shopper().get('/oauth/qq/authorization/');

    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8,}/);
    expect(headers.get('set-cookie')).toMatch(
      /^__Host-qq_login=[\w-]{22}; Max-Age=4200; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect((await strict.shopper().get('/nowhere/')).headers.has('strict-transport-security')).toBe(true);
  });
});

describe('another origin', () => {
  const ask = (origin: string, path = '/user/', method = 'GET') =>
    strict.shopper().send(path, { method, headers: { origin } });

  it.each([SHOP, 'https://m.shop.example:8443'])(
    'a listed origin may read answers and errors: %s',
    async (origin) => {
      for (const path of [
        '/health/live',
        '/user/',
        '/nowhere/',
        '/image_codes/x/',
        '/image_codes/%',
        `/${'x'.repeat(13_000)}`,
      ]) {
        const { headers } = await ask(origin, path);
        expect(headers.get('access-control-allow-origin'), path).toBe(origin);
        expect(headers.get('access-control-allow-credentials')).toBe('true');
        expect(headers.get('access-control-expose-headers')).toBe('Retry-After, X-Request-Id, X-Image-Code');
        expect(headers.get('vary')).toMatch(/\borigin\b/i);
      }
      for (const body of ['{', `"${'x'.repeat(17_000)}"`]) {
        const { headers, status } = await strict
          .shopper()
          .send('/authorizations/', { method: 'POST', body, headers: { origin } });
        expect([400, 413]).toContain(status);
        expect(headers.get('access-control-allow-origin')).toBe(origin);
      }
    },
  );

  it.each([
    'null',
    '*',
    'https://evil-shop.example',
    'https://shop.example.evil.example',
    'https://evil.example/https://shop.example',
    'https://m.shop.example',
    'https://shop.example:8443',
    'https://shop.example:443',
    'http://shop.example',
    'https://SHOP.example',
    'https://shop.example/',
    'https://shop.example.',
    'https://user@shop.example',
    'https://m.shop.example:84430',
    'https://shopXexample',
    `${SHOP}, https://evil.example`,
    'file://',
    '',
  ])('an unlisted origin may read nothing: %s', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await ask(origin, '/user/', method);
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('a preflight of a listed origin learns what it may send', async () => {
    const preflight = (origin: string) =>
      strict.shopper().send('/oauth/qq/users/', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,x-evil',
        },
      });

    const { status, headers, text } = await preflight(SHOP);

    expect({ status, text }).toEqual({ status: 204, text: '' });
    expect(headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE');
    expect(headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage, sentry-trace',
    );
    expect((await preflight('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false);
  });
});
