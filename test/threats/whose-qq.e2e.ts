import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openidOf } from '../../sandbox/people.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { newMobile, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { base64url, claimsOf, flipped, later, seconds, signed, writtenCode } from '../support/fixtures.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const callback = (shopper: Shopper, query: string) => shopper.get(`/oauth/qq/users/?${query}`);
const stateOf = (loginUrl: string) => new URL(loginUrl).searchParams.get('state')!;
const refused = (errorCode: string) => ({ status: 400, body: { errorCode } });
const bindings = () => app.dataSource.getRepository(OAuthQQUser);

describe("a victim opens the attacker's callback", () => {
  it.each([
    ['without a state', () => ''],
    ['with a state of their own making', () => 'xAAAAAAAAAAAAAAAAAAAAAA.zzzzzz.Lw.AAAA'],
    ["with the attacker's own valid state", (query: URLSearchParams) => query.get('state')!],
  ])(
    "an attacker's callback is refused in a victim's browser that never logged in: %s",
    async (_, stateFor) => {
      const attacker = app.shopper();
      const query = new URLSearchParams(await attacker.approve(await attacker.start(), newQq()));
      query.set('state', stateFor(query));

      const answer = await callback(app.shopper(), query.toString());

      expect(answer.status).toBe(400);
      expect(['REQUEST_INVALID', 'STATE_INVALID']).toContain(answer.body.errorCode);
      expect(answer.text).not.toMatch(/token/);
    },
  );

  it("an attacker's callback is refused while the victim has a login of their own under way", async () => {
    const [attacker, victim] = [app.shopper(), app.shopper()];
    await victim.start();
    const query = await attacker.approve(await attacker.start(), newQq());

    expect(await callback(victim, query)).toMatchObject(refused('STATE_INVALID'));
  });

  it("an attacker's callback is refused after a second cookie was planted", async () => {
    const [attacker, victim] = [app.shopper(), app.shopper()];
    await victim.start();
    const query = await attacker.approve(await attacker.start(), newQq());
    victim.cookie = `${attacker.cookie}; ${victim.cookie}`;

    expect(await callback(victim, query)).toMatchObject(refused('STATE_INVALID'));
  });

  it('on https, a cookie planted by another host of the domain is not even read', async () => {
    const shop = await startApp({ beside: app, env: { PUBLIC_URL: 'https://shop.test' } });
    try {
      const [attacker, victim] = [shop.shopper(), shop.shopper()];
      const start = await attacker.get('/oauth/qq/authorization/');
      const query = await attacker.approve(start.body.login_url, newQq());
      victim.cookie = attacker.cookie.replace('__Host-', '');

      expect(await callback(victim, query)).toMatchObject(refused('STATE_INVALID'));
      expect(start.headers.get('set-cookie')).toMatch(
        /^__Host-qq_login=[\w-]{22}; Max-Age=4200; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      );
      expect((await callback(attacker, query)).status).toBe(200);
    } finally {
      await shop.close();
    }
  });

  it("an attacker's callback of a bound QQ gives no login either", async () => {
    const [attacker, victim] = [app.shopper(), app.shopper()];
    const qq = newQq();
    await attacker.bind(await attacker.bindForm({ qq }));

    const query = await attacker.approve(await attacker.start(), qq);

    expect(await callback(victim, query)).toMatchObject(refused('STATE_INVALID'));
    expect((await callback(attacker, query)).status).toBe(200);
  });
});

describe('what one browser has proved, brought by another', () => {
  it.each(['no cookie', 'a cookie of its own', "the first one's cookie beside its own"])(
    'a bind token is refused from a browser with %s',
    async (which) => {
      const [owner, thief] = [app.shopper(), app.shopper()];
      const form = await owner.bindForm();
      if (which !== 'no cookie') await thief.start();
      if (which.includes('beside')) thief.cookie = `${thief.cookie}; ${owner.cookie}`;

      expect(await thief.bind(form)).toMatchObject(refused('BIND_TOKEN_INVALID'));
      expect((await owner.bind(form)).status).toBe(200);
    },
  );

  it("a stolen bind token cannot be added to the thief's own account", async () => {
    const [owner, thief] = [app.shopper(), app.shopper()];
    const access_token = await owner.bindToken();
    const { token, password, mobile } = await thief.register();
    await thief.start();

    const sms_code = await writtenCode(app, mobile);
    const answer = await thief.post('/oauth/qq/bindings/', { access_token, password, sms_code }, token);

    expect(answer).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });

  it('the answer of a repeated bind is only for the same browser', async () => {
    const [owner, thief] = [app.shopper(), app.shopper()];
    const form = await owner.bindForm();
    await owner.bind(form);

    expect(await thief.bind(form)).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });
});

describe('what was used once, used again', () => {
  it('a repeated callback within a minute gets the same bind token, and later STATE_INVALID', async () => {
    const shopper = app.shopper();
    const query = await shopper.approve(await shopper.start(), newQq());
    const first = await callback(shopper, query);
    const before = app.sandbox.requests.token;

    expect(first.status).toBe(200);
    const soon = await later(55, () => callback(shopper, query));
    expect(soon).toMatchObject({ status: 200, body: { access_token: first.body.access_token } });
    expect(await later(65, () => callback(shopper, query))).toMatchObject(refused('STATE_INVALID'));
    expect(app.sandbox.requests.token).toBe(before);
  });

  it('a repeated callback from another browser gets STATE_INVALID', async () => {
    const [shopper, thief] = [app.shopper(), app.shopper()];
    const query = await shopper.approve(await shopper.start(), newQq());
    expect((await callback(shopper, query)).status).toBe(200);
    await thief.start();

    expect(await callback(thief, query)).toMatchObject(refused('STATE_INVALID'));
  });

  it('a repeated callback gets the same refusal of QQ, which is asked once', async () => {
    const shopper = app.shopper();
    const state = stateOf(await shopper.start());
    const before = app.sandbox.requests.token;

    for (let nth = 0; nth < 3; nth++)
      expect(await callback(shopper, `code=NONE&state=${state}`)).toMatchObject(refused('QQ_CODE_INVALID'));

    expect(app.sandbox.requests.token - before).toBe(1);
  });

  it('a repeated callback of a bound QQ logs in each time, until the QQ is unbound', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm({ qq: '20001' });
    const { user_id } = (await shopper.bind(form)).body;
    const query = await shopper.approve(await shopper.start(), '20001');

    const answers = [await callback(shopper, query), await callback(shopper, query)];

    expect(answers.map(({ body }) => body.user_id)).toEqual([user_id, user_id]);
    await bindings().delete({ userId: user_id });
    expect((await callback(shopper, query)).body).not.toHaveProperty('user_id');
  });

  it('fifty simultaneous identical callbacks ask QQ once, and all get the same bind token', async () => {
    const shopper = app.shopper();
    const query = await shopper.approve(await shopper.start(), newQq());
    const before = app.sandbox.requests.token;

    const answers = await Promise.all(Array.from({ length: 50 }, () => callback(shopper, query)));

    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(1);
    expect(app.sandbox.requests.token - before).toBe(1);
  });

  it('a state is refused with another code', async () => {
    const shopper = app.shopper();
    const first = new URLSearchParams(await shopper.approve(await shopper.start(), newQq()));
    const second = new URLSearchParams(await shopper.approve(await shopper.start(), newQq()));
    await callback(shopper, first.toString());

    second.set('state', first.get('state')!);

    expect(await callback(shopper, second.toString())).toMatchObject(refused('STATE_INVALID'));
  });

  it('a used code is refused with a fresh state', async () => {
    const shopper = app.shopper();
    const used = new URLSearchParams(await shopper.approve(await shopper.start(), newQq()));
    await callback(shopper, used.toString());

    used.set('state', stateOf(await shopper.start()));

    expect(await callback(shopper, used.toString())).toMatchObject(refused('QQ_CODE_INVALID'));
  });

  it('a used bind token is refused for another mobile', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await shopper.bind(form);

    const again = await shopper.bindForm({ access_token: form.access_token });

    expect(await shopper.bind(again)).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });

  it('a used bind token is refused for the account that is logged in', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { body } = await shopper.bind(form);
    const { access_token, password, mobile } = form;
    const sms_code = await writtenCode(app, mobile);

    const answer = await shopper.post(
      '/oauth/qq/bindings/',
      { access_token, password, sms_code },
      body.token,
    );

    expect(answer).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });

  it('the same bind within five minutes is the same success', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { body } = await shopper.bind(form);

    const again = await later(290, () => shopper.bind(form));

    expect(again).toMatchObject({ status: 200, body: { user_id: body.user_id } });
  });
});

describe('a token of one kind passed off as another', () => {
  it('a login token is refused as a bind token', async () => {
    const shopper = app.shopper();
    const { token } = await shopper.register();
    const form = await shopper.bindForm();

    const answer = await shopper.bind({ ...form, access_token: token });

    expect(answer).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });

  it('a bind token is refused as a login token', async () => {
    const shopper = app.shopper();
    const access_token = await shopper.bindToken();

    expect(await shopper.get('/user/', access_token)).toMatchObject({
      status: 401,
      body: { errorCode: 'LOGIN_REQUIRED' },
    });
  });

  it('a state is refused as a bind token, and a bind token as a state', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const state = stateOf(await shopper.start());

    expect(await shopper.bind({ ...form, access_token: state })).toMatchObject(refused('BIND_TOKEN_INVALID'));
    expect(await callback(shopper, `code=C&state=${form.access_token}`)).toMatchObject(
      refused('STATE_INVALID'),
    );
  });
});

describe('a forged bind token', () => {
  /** What an attacker would write into it: the openid of another person's QQ, in the attacker's own browser. */
  const attempts: [string, (claims: Record<string, unknown>, token: string) => string][] = [
    ['alg: none', (claims) => `${base64url('{"typ":"JWT","alg":"none"}')}.${bodyOf(claims)}.`],
    ['alg: none and a signature', (claims) => signed(claims, 'x', { alg: 'none' })],
    ['alg: NONE', (claims) => `${base64url('{"typ":"JWT","alg":"NONE"}')}.${bodyOf(claims)}.`],
    ['the signature cut off', (claims) => signed(claims, 'x').replace(/[^.]+$/, '')],
    ['another key', (claims) => signed(claims, 'another-key-of-more-than-32-characters-000')],
    ['an empty key', (claims) => signed(claims, '')],
    ["the login tokens' key", (claims) => signed(claims, app.config.JWT_SECRET)],
    ["the state's key", (claims) => signed(claims, app.config.keyFor('login state'))],
    ['RS256 in the header', (claims) => signed(claims, bindKey(), { alg: 'RS256' })],
    ['HS512 in the header', (claims) => signed(claims, bindKey(), { alg: 'HS512' })],
    ['the right key, for another audience', (claims) => signed({ ...claims, aud: 'login' }, bindKey())],
    ['the right key, expired', (claims) => signed({ ...claims, exp: seconds() - 1 }, bindKey())],
    [
      'the claims exchanged under the signature',
      (claims, token) => token.replace(/\..*\./, `.${bodyOf(claims)}.`),
    ],
    ['nothing but dots', () => '..'],
  ];
  const bindKey = () => app.config.keyFor('bind token');
  const bodyOf = (claims: object) => base64url(JSON.stringify(claims));

  it.each(attempts)('a forged bind token is refused: %s', async (_, forge) => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const openid = openidOf(app.config.QQ_APP_ID, newQq());
    const access_token = forge({ ...claimsOf(form.access_token), openid }, form.access_token);

    expect(await shopper.bind({ ...form, access_token })).toMatchObject(refused('BIND_TOKEN_INVALID'));
    expect(await bindings().countBy({ openid })).toBe(0);
  });

  it('a bind token with any bit of it flipped is refused', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { access_token } = form;
    const places = Array.from({ length: access_token.length }, (_, index) => index).filter(
      (index) => index % 23 === 0 || index >= access_token.length - 2,
    );

    for (const place of places)
      expect(await shopper.bind({ ...form, access_token: flipped(access_token, place) })).toMatchObject(
        refused('BIND_TOKEN_INVALID'),
      );
    expect((await shopper.bind(form)).status).toBe(200);
  });

  it('a bind token is refused after an hour', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const answer = await later(app.config.BIND_TOKEN_TTL + 1, () => shopper.bind(form));

    expect(answer).toMatchObject(refused('BIND_TOKEN_INVALID'));
  });
});

describe('a forged login token', () => {
  const key = () => app.config.JWT_SECRET;
  const attempts: [string, (claims: Record<string, unknown>, token: string) => string][] = [
    ['alg: none', (claims) => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(claims))}.`],
    ['alg: none and a signature', (claims) => signed(claims, 'x', { alg: 'none' })],
    ['another key', (claims) => signed(claims, 'another-key-of-more-than-32-characters-000')],
    ["the bind tokens' key", (claims) => signed(claims, app.config.keyFor('bind token'))],
    ['HS512 in the header', (claims) => signed(claims, key(), { alg: 'HS512' })],
    ['the right key, expired', (claims) => signed({ ...claims, exp: seconds() - 1 }, key())],
    ['the right key, never to expire', (claims) => signed({ ...claims, exp: undefined }, key())],
    ['the right key, for an audience', (claims) => signed({ ...claims, aud: 'qq-bind' }, key())],
    ['the right key, nobody in it', (claims) => signed({ ...claims, user_id: undefined }, key())],
    [
      'the right key, a list for a user',
      ({ user_id, ...rest }) => signed({ ...rest, user_id: [user_id] }, key()),
    ],
    ['the last bit flipped', (_, token) => flipped(token, token.length - 1)],
  ];

  it.each(attempts)('a forged login token is refused: %s', async (_, forge) => {
    const shopper = app.shopper();
    const { token } = await shopper.register();

    const answer = await shopper.get('/user/', forge(claimsOf(token), token));

    expect(answer).toMatchObject({ status: 401, body: { errorCode: 'LOGIN_REQUIRED' } });
    expect((await shopper.get('/user/', token)).status).toBe(200);
  });

  it('a login token is refused after a day', async () => {
    const shopper = app.shopper();
    const { token } = await shopper.register();

    const answer = await later(app.config.JWT_TTL + 1, () => shopper.get('/user/', token));

    expect(answer.status).toBe(401);
  });
});

describe('a forged state', () => {
  const attempts: [string, (parts: string[], other: string[]) => string][] = [
    ['another nonce', ([, ...rest]) => ['xAAAAAAAAAAAAAAAAAAAAAA', ...rest].join('.')],
    ['a later end', ([nonce, , ...rest]) => [nonce, 'zzzzzzz', ...rest].join('.')],
    ['another next', ([nonce, end, , mark]) => [nonce, end, base64url('//evil.example'), mark].join('.')],
    ["another login's signature", ([nonce, end, next], other) => [nonce, end, next, other[3]].join('.')],
    ['a part too many', (parts) => [...parts, 'x'].join('.')],
    ['a part too few', (parts) => parts.slice(0, 3).join('.')],
    ['a bit of the signature flipped', (parts) => flipped(parts.join('.'), parts.join('.').length - 1)],
    [
      'a signature as long in characters, not in bytes',
      ([nonce, end, next, mark = '']) => [nonce, end, next, `${mark.slice(1)}é`].join('.'),
    ],
    ['nothing but dots', () => '...'],
    ['NUL', () => '\0'],
    ['ten thousand characters', () => 'x'.repeat(10_000)],
  ];

  it.each(attempts)('a forged state is refused: %s', async (_, forge) => {
    const shopper = app.shopper();
    const query = new URLSearchParams(await shopper.approve(await shopper.start(), newQq()));
    const other = stateOf(await shopper.start()).split('.');
    const forged = new URLSearchParams(query);
    forged.set('state', forge(query.get('state')!.split('.'), other));

    expect(await callback(shopper, forged.toString())).toMatchObject(refused('STATE_INVALID'));
    expect((await callback(shopper, query.toString())).status).toBe(200);
  });

  it('a state is refused after ten minutes', async () => {
    const shopper = app.shopper();
    const query = await shopper.approve(await shopper.start(), newQq());

    expect(await later(601, () => callback(shopper, query))).toMatchObject(refused('STATE_INVALID'));
  });
});

describe('the client says which QQ it is', () => {
  it('a QQ named in the query of the callback is ignored', async () => {
    const shopper = app.shopper();
    const [own, other] = [newQq(), newQq()];
    const openid = openidOf(app.config.QQ_APP_ID, other);
    const query = await shopper.approve(await shopper.start(), own);

    const { body } = await callback(shopper, `${query}&openid=${openid}&unionid=${openid}&user_id=1`);

    expect(claimsOf(body.access_token).openid).toBe(openidOf(app.config.QQ_APP_ID, own));
    expect(claimsOf(body.access_token)).not.toHaveProperty('unionid');
  });

  it('a QQ named in the fields, query or headers of a bind is ignored', async () => {
    const shopper = app.shopper();
    const [own, other] = [newQq(), newQq()];
    const openid = openidOf(app.config.QQ_APP_ID, other);
    const form = await shopper.bindForm({ qq: own });

    const bound = await shopper.send(`/oauth/qq/users/?openid=${openid}&user_id=1`, {
      method: 'POST',
      body: { ...form, openid, unionid: openid, user_id: 1, id: 1, identity: { openid } },
      headers: { openid, 'x-openid': openid },
    });

    expect(bound.status).toBe(200);
    expect(await bindings().countBy({ openid })).toBe(0);
    expect(await bindings().findBy({ userId: bound.body.user_id })).toMatchObject([
      { openid: openidOf(app.config.QQ_APP_ID, own), unionid: null },
    ]);
  });
});

describe('QQ answers something else', () => {
  const OPENID = 'A'.repeat(32);
  const answers: Record<string, unknown> = {};
  let qq: Server;
  let plain: App;
  let withUnionid: App;

  beforeAll(async () => {
    qq = createServer(({ url = '' }, response) => {
      const path = url.split('?')[0]!;
      response.end(JSON.stringify(answers[path]));
    }).listen(0, '127.0.0.1');
    await once(qq, 'listening');
    const QQ_BASE_URL = `http://127.0.0.1:${(qq.address() as AddressInfo).port}`;
    plain = await startApp({ beside: app, env: { QQ_BASE_URL } });
    withUnionid = await startApp({ beside: app, env: { QQ_BASE_URL, QQ_UNIONID: 'true' } });
  });

  afterEach(async () => {
    expect(await bindings().countBy({ openid: OPENID })).toBe(0);
    expect(await bindings().countBy({ openid: '' })).toBe(0);
  });

  afterAll(async () => {
    await plain.close();
    await withUnionid.close();
    qq.close();
  });

  const login = async (service: App) => {
    const shopper = service.shopper();
    return callback(shopper, `code=C&state=${stateOf(await shopper.start())}`);
  };
  const good = { access_token: 'T', expires_in: '7776000', openid: OPENID };

  it.each([
    ['no openid', { openid: undefined }],
    ['an empty openid', { openid: '' }],
    ['null for an openid', { openid: null }],
    ['a list for an openid', { openid: [OPENID] }],
    ['an object for an openid', { openid: { $ne: '' } }],
    ['an openid with SQL in it', { openid: `${'A'.repeat(30)}'--` }],
    ['an openid that is too long', { openid: 'A'.repeat(65) }],
    ['an openid in lower case, which the database would compare as equal', { openid: 'a'.repeat(32) }],
    ['an openid with a line end after it', { openid: `${OPENID}\n` }],
  ])('an answer of QQ with %s is refused', async (_, change) => {
    answers['/oauth2.0/token'] = { ...good, ...change };

    const answer = await login(plain);

    expect(answer).toMatchObject({ status: 503, body: { errorCode: 'QQ_UNAVAILABLE' } });
    expect(answer.body).not.toHaveProperty('access_token');
  });

  it.each([
    ['a foreign client_id', { client_id: '101999999' }],
    ['no client_id', { client_id: undefined }],
    ['a list of client_ids, ours among them', { client_id: ['101000001', '101999999'] }],
    ["another person's openid", { openid: 'B'.repeat(32) }],
    ['no openid at /me', { openid: undefined }],
    ['no unionid', { unionid: undefined }],
    ['an empty unionid', { unionid: '' }],
    ['an object for a unionid', { unionid: {} }],
    ['a unionid with a space in it', { unionid: 'UID A' }],
  ])('an answer of /me with %s is refused', async (_, change) => {
    answers['/oauth2.0/token'] = good;
    answers['/oauth2.0/me'] = { client_id: '101000001', openid: OPENID, unionid: 'UID_1', ...change };

    const answer = await login(withUnionid);

    expect(answer).toMatchObject({ status: 503, body: { errorCode: 'QQ_UNAVAILABLE' } });
    expect(answer.body).not.toHaveProperty('access_token');
  });

  it('an answer of QQ with an openid in __proto__ is refused', async () => {
    answers['/oauth2.0/token'] = JSON.parse(`{"access_token":"T","__proto__":{"openid":"${OPENID}"}}`);

    expect((await login(plain)).status).toBe(503);
  });

  it('a correct answer of QQ logs in', async () => {
    answers['/oauth2.0/token'] = good;
    answers['/oauth2.0/me'] = { client_id: 101000001, openid: OPENID, unionid: 'UID_1' };

    expect(claimsOf((await login(withUnionid)).body.access_token)).toMatchObject({
      openid: OPENID,
      unionid: 'UID_1',
    });
  });
});

describe('next leads off the site', () => {
  const long = `/${'a'.repeat(10_000)}`;
  it.each([
    '//evil.example',
    '///evil.example',
    String.raw`/\evil.example`,
    String.raw`\\evil.example`,
    String.raw`\/evil.example`,
    '/%5Cevil.example',
    '/%2Fevil.example',
    '/%2fevil.example',
    'https://evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'evil.example',
    ' /cart.html',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\r/evil.example',
    '\t//evil.example',
    '/%09/evil.example',
    '/%0d%0aSet-Cookie:%20qq_login=x',
    '/\r\nSet-Cookie: qq_login=x',
    '/\u0085/evil.example',
    '/\0',
    '/%00',
    '/%',
    '/%zz',
    '/%e4%b8',
    `/${'中'.repeat(23)}`,
    `/${'a'.repeat(200)}`,
    long,
  ])('a next that leads off the site is refused: %j', async (next) => {
    const shopper = app.shopper();

    const answer = await shopper.get(`/oauth/qq/authorization/?next=${encodeURIComponent(next)}`);

    expect(answer).toMatchObject({ status: 400, body: { errorCode: 'NEXT_INVALID' } });
    expect(answer.body).not.toHaveProperty('login_url');
  });

  it.each([
    'next=/a&next=//evil.example',
    'next[]=//evil.example',
    'next[0]=//evil.example',
    'next.x=//evil',
  ])('a next that is given twice or as a list is refused: %s', async (query) => {
    const shopper = app.shopper();

    const { status, body } = await shopper.get(`/oauth/qq/authorization/?${query}`);

    if (status === 200) {
      const query = await shopper.approve(body.login_url, newQq());
      expect((await callback(shopper, query)).body.next).toBe('/');
    } else expect(status).toBe(400);
  });

  it.each([
    ['/cart.html', '/cart.html'],
    ['/goods?id=1&x=a%20b#top', '/goods?id=1&x=a%20b#top'],
    ['/购物车', '/购物车'],
    ['/a//b', '/a//b'],
    ['/.//evil.example', '/.//evil.example'],
    ['', '/'],
  ])('an accepted next stays on the site: %j', async (next, expected) => {
    const shopper = app.shopper();

    const { body } = await shopper.loginWithQq(newQq(), next);

    expect(body.next).toBe(expected);
    expect(new URL(body.next, 'https://shop.example').origin).toBe('https://shop.example');
  });

  it('the state stays within the 500 bytes that QQ returns', async () => {
    const shopper = app.shopper();

    const loginUrl = await shopper.start(`/${'中'.repeat(22)}`);

    expect(Buffer.byteLength(stateOf(loginUrl))).toBeLessThanOrEqual(500);
    expect(stateOf(loginUrl)).not.toMatch(/^\//);
  });
});

describe('one QQ, two accounts', () => {
  it('a QQ with an account is not bound to a second one', async () => {
    const [first, second] = [app.shopper(), app.shopper()];
    const qq = newQq();
    // Both browsers log in to QQ before either binds.
    const forms = [await first.bindForm({ qq }), await second.bindForm({ qq })] as const;
    const { body } = await first.bind(forms[0]);

    const answer = await second.bind(forms[1]);

    expect(answer).toMatchObject(refused('QQ_ALREADY_BOUND'));
    expect((await app.shopper().loginWithQq(qq)).body.user_id).toBe(body.user_id);
    // The attempt leaves nothing: the mobile is still free.
    const form = await second.bindForm({ mobile: newMobile(), password: newPassword() });
    expect(
      (await second.bind({ ...form, mobile: forms[1].mobile, sms_code: forms[1].sms_code })).status,
    ).toBe(200);
  });
});
