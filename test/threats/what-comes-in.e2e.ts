import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../src/common/problem.js';
import { redisDuring, sqlDuring } from '../support/counting.js';
import { type RawAnswer, sendRaw } from '../support/raw-http.js';
import { newMobile, newPassword, type Registered } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

/** The routes that read a body, with a body of the right form. */
const FORMS: readonly [method: string, path: string, form: Record<string, string>][] = [
  ['POST', '/oauth/qq/users/', bindForm()],
  ['POST', '/oauth/qq/user/', bindForm()],
  ['POST', '/oauth/qq/bindings/', { access_token: 'a.b.c', password: 'long-enough-1' }],
  ['DELETE', '/oauth/qq/bindings/1/', { password: 'long-enough-1' }],
  ['POST', '/sms_codes/', { mobile: newMobile(), image_code_id: crypto.randomUUID(), image_code: 'AAAA' }],
  [
    'POST',
    '/users/',
    { username: 'somebody_1', password: newPassword(), mobile: newMobile(), sms_code: '000000' },
  ],
  ['POST', '/authorizations/', { username: 'somebody_1', password: 'long-enough-1' }],
  ['PUT', '/user/password/', { old_password: 'long-enough-1', new_password: newPassword() }],
  ['POST', '/user/password/', { mobile: newMobile(), sms_code: '000000', password: newPassword() }],
];

let app: App;
let owner: Registered;

beforeAll(async () => {
  app = await startApp({
    env: {
      // All requests come from one person.
      LIMITS: ['binds-per-ip', 'registrations-per-ip', 'resets-per-ip', 'login-failures-per-ip']
        .concat(
          'login-failures-per-account',
          'login-failures-per-account-and-ip',
          'password-checks-per-ip',
          'sms-tries-per-mobile-day',
          'sms-tries-per-mobile-and-ip',
          'name-lookups-per-ip',
          'lists-per-account',
          'account-changes-per-ip',
          'sms-logins-per-ip',
          'starts-per-ip',
          'callbacks-per-ip',
        )
        .map((rule) => `${rule}=1000000/60`)
        .join(),
    },
  });
  owner = await app.shopper().register();
  for (const [, , { mobile, password, new_password }] of FORMS)
    app.logRecorder.keep(mobile, password, new_password);
});

afterAll(async () => {
  // Whatever came in, the service still works.
  expect((await app.shopper().get('/health/ready')).status).toBe(200);
  const shopper = app.shopper();
  expect((await shopper.bind(await shopper.bindForm())).status).toBe(200);
  await app.close();
});

describe('a body', () => {
  it.each(FORMS)('a body over 16 KB is refused unread: %s %s', async (method, path, form) => {
    const body = JSON.stringify({ ...form, more: 'x'.repeat(16_384) });

    expectProblem(await send(method, path, body), 'PAYLOAD_TOO_LARGE');
    expectProblem(await send(method, path, '', { 'content-length': '16385' }), 'PAYLOAD_TOO_LARGE');
    const chunked = `4001\r\n${'x'.repeat(0x4001)}\r\n0\r\n\r\n`;
    expectProblem(await send(method, path, chunked, { 'transfer-encoding': 'chunked' }), 'PAYLOAD_TOO_LARGE');
  });

  it.each(FORMS)('a body of another type is refused: %s %s', async (method, path, form) => {
    for (const type of [
      'text/plain',
      'text/html',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/json, text/plain',
      'json',
      '*/*',
      '',
    ])
      expectProblem(
        await send(method, path, JSON.stringify(form), { 'content-type': type }),
        'UNSUPPORTED_MEDIA_TYPE',
      );
    expectProblem(
      await send(method, path, JSON.stringify(form), { 'content-type': undefined }),
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  it.each(FORMS)('a body in another encoding than UTF-8 is refused: %s %s', async (method, path, form) => {
    const text = JSON.stringify(form);
    const json = (charset: string) => ({ 'content-type': `application/json; charset=${charset}` });

    expectProblem(
      await send(method, path, Buffer.from(text, 'utf16le'), json('utf-16le')),
      'UNSUPPORTED_MEDIA_TYPE',
    );
    expectProblem(await send(method, path, text, json('iso-8859-1')), 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(
      await send(method, path, gzipSync(text), { 'content-encoding': 'gzip' }),
      'UNSUPPORTED_MEDIA_TYPE',
    );
    // Bytes that are not UTF-8 would all be read as U+FFFD, so that two passwords would be equal.
    expectProblem(
      await send(method, path, Buffer.from('{"password":"long-\xff-enough"}', 'latin1')),
      'REQUEST_INVALID',
    );
    expectProblem(await send(method, path, Buffer.from(`\ufeff${text}`)), [400, 401, 404]);
    expectProblem(await send(method, path, text, json('UTF-8')), [400, 401, 404]);
  });

  it.each(FORMS)(
    'a body that is not JSON, or not the form, is refused: %s %s',
    async (method, path, form) => {
      const text = JSON.stringify(form);
      const deep = (open: string, close: string, levels: number) =>
        open.repeat(levels) + close.repeat(levels);
      const [field = ''] = Object.keys(form);
      const bodies = [
        ['empty', ''],
        ['cut off', text.slice(0, -1)],
        ['two of them', text + text],
        ['NaN', '{"a":NaN}'],
        ['null', 'null'],
        ['a number', '1e999'],
        ['a string', JSON.stringify(text)],
        ['true', 'true'],
        ['an empty array', '[]'],
        ['an array', `[${text}]`],
        ['nested arrays', `[[${text}]]`],
        ['an empty object', '{}'],
        ['deep arrays', deep('[', ']', 8000)],
        ['deep arrays, open', '['.repeat(16_000)],
        ['deep objects', deep('{"a":', '}', 2600).replace('{"a":}', '{"a":1}')],
        ['a deep field', `{"${field}":${deep('[', ']', 8000)}}`],
        ['a deep object in a field', `{"${field}":${deep('{"a":', '}', 2600).replace('{"a":}', '{}')}}`],
        ['__proto__', `{"__proto__":{"${field}":"x"},${text.slice(1)}`],
        ['__proto__ within', `{"a":{"__proto__":{"polluted":true}}}`],
        ['constructor.prototype', '{"constructor":{"prototype":{"polluted":true}}}'],
        ['escaped __proto__', String.raw`{"\u005f_proto__":{"polluted":true}}`],
        ['constructor', '{"constructor":"x"}'],
        ['toString', `{"${field}":{"toString":1,"valueOf":2}}`],
        ['then', `{"then":{"then":1},"length":1e308,"toJSON":1,"hasOwnProperty":1,"${field}":{"then":1}}`],
        ['ten thousand keys', `{${Array.from({ length: 1500 }, (_, i) => `"k${i}":1`).join()}}`],
      ] as const;
      for (const [name, body] of bodies)
        expectProblem(await send(method, path, body), 'REQUEST_INVALID', name);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it.each(FORMS)(
    'a body with a wrong kind of value in a field is refused: %s %s',
    async (method, path, form) => {
      const wrong = [
        null,
        1,
        -0,
        1e308,
        true,
        [],
        {},
        [['a']],
        { $ne: '' },
        { length: 11 },
        '',
        '\0',
        '\ud800',
      ];
      for (const field of Object.keys(form))
        for (const value of [
          ...wrong.filter((value) => field !== 'access_token' || !value || typeof value !== 'string'),
          [form[field]],
          [form[field], form[field]],
          { 0: form[field] },
        ])
          expectProblem(
            await send(method, path, JSON.stringify({ ...form, [field]: value })),
            'REQUEST_INVALID',
          );
    },
  );

  it.each(FORMS)(
    'a body with hostile characters in a field is refused: %s %s',
    async (method, path, form) => {
      const hostile = [
        '\0',
        '\ud83d\ude00',
        '\udc00',
        '\ud800',
        "' OR '1'='1",
        '\r\nSET a b\r\n',
        '%00',
        '\u202e',
        'ｱ',
        'é',
      ];
      for (const field of Object.keys(form))
        for (const part of hostile)
          for (const value of [part.repeat(100), part + form[field], form[field] + part])
            expectProblem(await send(method, path, JSON.stringify({ ...form, [field]: value })), [400]);
    },
  );

  it('a body may also be a form', async () => {
    const shopper = app.shopper();
    const { username, password } = owner;

    const { status } = await shopper.send('/authorizations/', {
      method: 'POST',
      body: new URLSearchParams({ username, password }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });

    expect(status).toBe(200);
  });

  it.each(FORMS)('a hostile form is refused: %s %s', async (method, path, form) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const text = new URLSearchParams(form).toString();
    const [field = ''] = Object.keys(form);
    const bodies = [
      '',
      '&&&===',
      `${text}&${text}`,
      `${field}[]=a&${field}[a][b]=c`,
      `${field}=%ff%fe`,
      `${field}=%00`,
      `${field}=%zz`,
      '__proto__=a&constructor=b&__proto__[a]=c&hasOwnProperty=1',
      Array.from({ length: 2000 }, (_, i) => `a${i}`).join('&'),
    ];
    for (const body of bodies) expectProblem(await send(method, path, body, type), 'REQUEST_INVALID', body);
    expectProblem(await send(method, path, 'x'.repeat(16_385), type), 'PAYLOAD_TOO_LARGE');
  });

  it('a body is ignored on a route that reads none', async () => {
    for (const path of ['/health/live', '/oauth/qq/authorization/']) {
      const answer = await send('GET', path, '{"a":', {});
      expect(answer?.status).toBe(200);
    }
  });
});

describe('a request line', () => {
  it.each([
    '/oauth/qq/authorization/?next=/',
    '/image_codes/',
    '/nowhere/',
    '/oauth/qq/users/?code=a&state=',
  ])('a request line of 13 kB, 20 kB and 1 MB is too long: %s', async (path) => {
    for (const length of [13_000, 20_000, 1_000_000])
      expectProblem(await send('GET', path + 'x'.repeat(length)), 'URI_TOO_LONG', String(length));
  });

  it.each([
    ['a bad escape', '/image_codes/%', [400, 404]],
    ['a bad escape in UTF-8', '/image_codes/%ff%fe/', [400, 404]],
    ['a long parameter', `/image_codes/${'a'.repeat(400)}/`, [400, 404, 414]],
    ['NUL', '/image_codes/%00/', [400, 404]],
    ['dots', '/../../../etc/passwd', [400, 404]],
    ['escaped dots', '/%2e%2e/%2e%2e/package.json', [400, 404]],
    ['escaped slashes', '/..%2f..%2fpackage.json', [400, 404]],
    ['backslashes', String.raw`/..\..\package.json`, [400, 404]],
    ['two slashes', '//user/', [400, 404]],
    ['a huge id', `/oauth/qq/bindings/${'9'.repeat(50)}/`, [400]],
    ['a fraction for an id', '/oauth/qq/bindings/1.5/', [400]],
    ['duplicate keys', '/oauth/qq/authorization/?next=/a&next=/b', [400]],
    ['duplicate keys at the callback', '/oauth/qq/users/?code=a&code=b&state=c&state=d', [400]],
    ['brackets', '/oauth/qq/users/?code[]=a&state[x]=b', [400]],
    ['__proto__', '/oauth/qq/users/?__proto__=a&constructor=b&__proto__[code]=c', [400]],
    ['a bad escape in the query', '/oauth/qq/users/?code=%&state=%ff', [400]],
    ['a lone surrogate', '/oauth/qq/authorization/?next=/%ed%a0%80', [400, 200]],
    ['ten thousand keys', `/oauth/qq/users/?${'a&'.repeat(5000)}`, [400]],
    [
      'a state in other letters',
      `/oauth/qq/users/?code=a&state=x.y.z.${encodeURIComponent('é'.repeat(43))}`,
      [400],
    ],
    ['a state with more dots', `/oauth/qq/users/?code=a&state=${'.'.repeat(400)}`, [400]],
  ] as const)('a request line with %s is refused', async (_name, path, statuses) => {
    const method = path.startsWith('/oauth/qq/bindings') ? 'DELETE' : 'GET';
    const answer = await send(method, path, method === 'DELETE' ? '{"password":"long-enough-1"}' : undefined);
    expect(statuses).toContain(answer?.status);
    if (answer?.status !== 200) expectProblem(answer, statuses);
    // The answer must not quote the request, which could be used for reflected scripts.
    expect(answer?.text).not.toContain('passwd');
  });

  it.each(
    [
      'limit=0',
      'limit=101',
      'limit=1.5',
      'limit=a',
      'limit=',
      'limit=1&limit=2',
      'limit=1e999',
      'before=0',
    ].concat(
      'before=-1',
      'before=9007199254740993',
      'before=1&before=2',
      'before=%00',
      'before=NaN',
      'limit=Infinity',
    ),
  )('a request line with a wrong number is refused: %s', async (query) => {
    expectProblem(await send('GET', `/user/events/?${query}`), 'REQUEST_INVALID');
  });

  it('an unknown method, or one that the path does not have, is not found', async () => {
    for (const method of [
      'TRACE',
      'PATCH',
      'PROPFIND',
      'QUERY',
      'PUT',
      'LOCK',
      'HEAD',
      'SEARCH',
      'M-SEARCH',
    ]) {
      const answer = await send(method, '/authorizations/');
      if (method === 'HEAD') expect(answer?.status).toBe(404);
      else expectProblem(answer, [400, 404], method);
    }
    expectProblem(await send('BREW', '/authorizations/'), 'REQUEST_INVALID');
    // CONNECT asks for a tunnel. The service may also close the connection.
    expect((await send('CONNECT', '/authorizations/'))?.status ?? 400).toBeGreaterThanOrEqual(400);
  });
});

describe('a header', () => {
  it('a header of 8 MB is refused', async () => {
    expectProblem(
      await send('GET', '/user/', undefined, { 'x-much': 'x'.repeat(8 * 1024 * 1024) }),
      'HEADERS_TOO_LARGE',
    );
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-${i}`, 'y'.repeat(20)]));
    expectProblem(await send('GET', '/user/', undefined, many), 'HEADERS_TOO_LARGE');
  });

  it.each(
    [
      'Bearer',
      'Bearer ',
      'Bearer a.b',
      'Bearer a.b.c',
      'JWT ....',
      'Basic YTpi',
      `Bearer ${'a'.repeat(9000)}.b.c`,
    ].concat(
      `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"user_id":1}').toString('base64url')}.`,
      `Bearer ${Buffer.from('{"alg":"HS256"}').toString('base64url')}.bnVsbA.AAAA`,
      'Bearer \xff.\xff.\xff',
      'Bearer a.b.c, Bearer d.e.f',
    ),
  )('an invalid Authorization header is refused: %.40s', async (authorization) => {
    expectProblem(await send('GET', '/user/', undefined, { authorization }), 'LOGIN_REQUIRED');
  });

  it('a header that comes twice counts once at most', async () => {
    const twice = await sendRaw(
      app.url,
      `GET /user/ HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nAuthorization: Bearer a.b.c\r\nAuthorization: Bearer ${owner.token}\r\n\r\n`,
    );
    expectProblem(twice, 'LOGIN_REQUIRED');
    const shopper = app.shopper();
    const query = await shopper.approve(await shopper.start(), 10_077);
    const cookies = await send('GET', `/oauth/qq/users/?${query}`, undefined, {
      cookie: `${shopper.cookie}; ${shopper.cookie}`,
    });
    expectProblem(cookies, 'STATE_INVALID');
  });

  it.each([
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-request-id',
    'user-agent',
    'cookie',
    'referer',
    'accept',
    'accept-encoding',
    'accept-language',
    'if-none-match',
    'range',
    'x-http-method-override',
    'upgrade',
    'te',
  ])('a nonsensical header changes nothing: %s', async (name) => {
    for (const value of [
      '',
      ',,,,',
      '\xff\xfe',
      "' OR 1=1 --",
      '::ffff:1.2.3.4.5, ;',
      'a'.repeat(4000),
      '{}[]%00',
      '127.0.0.1, 127.0.0.1, x',
    ]) {
      expect((await send('GET', '/oauth/qq/authorization/', undefined, { [name]: value }))?.status).toBe(200);
      const login = JSON.stringify({ username: 'nobody_here', password: 'long-enough-1' });
      expectProblem(await send('POST', '/authorizations/', login, { [name]: value }), 'CREDENTIALS_INVALID');
    }
  });
});

describe('on the socket', () => {
  const head =
    'POST /authorizations/ HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nConnection: close\r\n';

  it.each([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n'],
    ['a TLS hello and zeros', `\x16\x03\x01${'\0'.repeat(2000)}`],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/9.9', 'GET /health/live HTTP/9.9\r\nHost: shop\r\n\r\n'],
    ['no Host', 'GET /user/ HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two Hosts', 'GET /user/ HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
    ['a header without a name', 'GET /user/ HTTP/1.1\r\nHost: shop\r\n: x\r\n\r\n'],
    ['a folded header', 'GET /user/ HTTP/1.1\r\nHost: shop\r\nX-A: b\r\n c\r\nConnection: close\r\n\r\n'],
    ['a bare LF', 'GET /user/ HTTP/1.1\nHost: shop\nConnection: close\n\n'],
    ['NUL in a header', 'GET /user/ HTTP/1.1\r\nHost: shop\r\nX-A: a\0b\r\n\r\n'],
    ['NUL in the path', 'GET /us\0er/ HTTP/1.1\r\nHost: shop\r\n\r\n'],
    ['a space in the path', 'GET /us er/ HTTP/1.1\r\nHost: shop\r\n\r\n'],
    ['a Content-Length that is none', `${head}Content-Length: 1x\r\n\r\n{}`],
    ['a negative Content-Length', `${head}Content-Length: -2\r\n\r\n{}`],
    ['a huge Content-Length', `${head}Content-Length: 99999999999999999999999\r\n\r\n{}`],
    ['two Content-Lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`],
    ['Content-Length and chunks', `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a coding that is none', `${head}Transfer-Encoding: x\r\n\r\n{}`],
    ['a chunk size that is none', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['a huge chunk', `${head}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}\r\n0\r\n\r\n`],
    ['a body shorter than it says', `${head}Content-Length: 100\r\n\r\n{"username":`],
    ['a chunked body cut off', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"use`],
    ['a body longer than it says', `${head}Content-Length: 2\r\n\r\n{}{}{}{}`],
    ['an expectation', `${head}Content-Length: 2\r\nExpect: the-impossible\r\n\r\n{}`],
    [
      'an upgrade',
      'GET /user/ HTTP/1.1\r\nHost: shop\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['an absolute URL', 'GET http://evil.example/user/ HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n'],
  ])('on the socket: %s is refused in the one shape, or the connection ends', async (_name, bytes) => {
    const answer = await sendRaw(app.url, Buffer.from(bytes, 'latin1'), { end: 'half-close' });

    if (answer && answer.status !== 204) expectProblem(answer, [400, 401, 404, 413, 415]);
  });

  it('HTTP/1.0 is answered', async () => {
    const answer = await sendRaw(app.url, 'GET /user/ HTTP/1.0\r\n\r\n');

    expectProblem(answer, 'LOGIN_REQUIRED');
  });

  it('two hundred clients that hang up in the middle of a request leave nothing behind', async () => {
    const bytes = `${head}Content-Length: 100\r\n\r\n{"username":`;

    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        sendRaw(app.url, bytes.slice(0, 1 + ((i * 7) % bytes.length)), { end: 'cut' }),
      ),
    );

    expect((await send('GET', '/health/live'))?.status).toBe(200);
    expect(app.logRecorder.lines).not.toContain('INTERNAL_ERROR');
  });
});

describe('a value that does not fit its pattern', () => {
  const marker = 'zq7injected';
  const injections = [
    `13800138000' OR '1'='1 ${marker}`,
    `13800138000\r\nSET ${marker} 1\r\n`,
    `13800138000\n${marker}`,
    `* ${marker}`,
    `{13800138000}${marker}`,
    `13800138000\0${marker}`,
    `3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10${marker}`,
    `3f0c9a2e-6d7b-4c1a-9e58-0b2d4f6a8c10:../${marker}`,
  ];

  async function everywhere(): Promise<void> {
    for (const value of injections) {
      for (const [method, path, form] of FORMS)
        for (const field of Object.keys(form).filter((name) => !/password|username|token/.test(name)))
          await send(method, path, JSON.stringify({ ...form, [field]: value }));
      await send('GET', `/image_codes/${encodeURIComponent(value)}/`);
      await send(
        'DELETE',
        `/oauth/qq/bindings/${encodeURIComponent(value)}/`,
        '{"password":"long-enough-1"}',
      );
      await send(
        'GET',
        `/user/events/?before=${encodeURIComponent(value)}&limit=${encodeURIComponent(value)}`,
      );
      await send(
        'GET',
        `/oauth/qq/users/?code=${encodeURIComponent(value)}&state=${encodeURIComponent(value)}`,
      );
      await send('GET', `/oauth/qq/authorization/?next=${encodeURIComponent(value)}`);
    }
  }

  // Only a server can be asked which commands it got.
  if (inject('servers'))
    it('a value that does not match its pattern never reaches a Redis key or an SQL statement', async () => {
      const { DATABASE_URL = '', REDIS_URL = '' } = app.backends.env;
      const heard: string[][] = [];

      const said = await sqlDuring(DATABASE_URL, async () => {
        heard.push(...(await redisDuring(REDIS_URL, everywhere)));
      });

      expect(heard.length).toBeGreaterThan(0);
      expect(heard.flat().filter((word) => word.includes(marker))).toEqual([]);
      expect(said.filter((sql) => sql.includes(marker))).toEqual([]);
    });

  it('a name or password with SQL in it is only a value, and matches nobody', async () => {
    for (const username of [
      `' OR 1=1 -- `,
      `${owner.username}' -- `,
      `${owner.username}\\`,
      '%',
      '_'.repeat(owner.username.length),
    ])
      expectProblem(
        await send('POST', '/authorizations/', JSON.stringify({ username, password: owner.password })),
        'CREDENTIALS_INVALID',
      );
  });
});

function bindForm(): Record<string, string> {
  return { mobile: newMobile(), password: newPassword(), sms_code: '000000', access_token: 'a.b.c' };
}

/** Sends one request on a connection of its own, with the login of an account and any bytes as body. */
async function send(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<RawAnswer | undefined> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body ?? '');
  const all: Record<string, string | undefined> = {
    host: 'shop.test',
    connection: 'close',
    authorization: `Bearer ${owner.token}`,
    'x-forwarded-for': '10.9.8.7',
    cookie: `qq_login=${'a'.repeat(22)}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(body !== undefined &&
      !('transfer-encoding' in headers) && { 'content-length': String(bytes.length) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  );
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  return sendRaw(app.url, Buffer.concat([head, bytes]));
}

/** Expects exactly the one error shape, with a code of the catalogue and its status. */
function expectProblem(
  answer: RawAnswer | undefined,
  expected: ProblemCode | readonly number[],
  about = '',
): void {
  const said = answer && `${about} ${answer.status} ${answer.text.slice(0, 300)}`;
  expect(answer?.headers['content-type'], said).toBe('application/json; charset=utf-8');
  const { statusCode, errorCode, message, errors, ...more } = JSON.parse(answer!.text) as Record<
    string,
    unknown
  >;
  expect(more, said).toEqual({});
  expect(statusCode, said).toBe(answer!.status);
  expect(PROBLEMS[errorCode as ProblemCode]?.[0], said).toBe(statusCode);
  expect(message, said).toMatch(/[\u4e00-\u9fff]/);
  expect(errors === undefined || errorCode === 'REQUEST_INVALID', said).toBe(true);
  if (typeof expected === 'string') expect(errorCode, said).toBe(expected);
  else expect(expected, said).toContain(statusCode);
}
