import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oldAccount, OLD_PASSWORD, signed, writtenCode } from '../support/fixtures.js';
import { newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const PAGES = 'http://www.meiduo.site:8080';
const SECRET_KEY = 'the-secret-key-of-the-old-shop-0123456789';
let app: App;

beforeAll(async () => {
  app = await startApp({
    env: {
      LEGACY_CLIENT: 'true',
      WEB_ORIGINS: PAGES,
      JWT_SECRET: SECRET_KEY,
      TERMS_VERSION: '2026-11',
      TERMS_URL: 'http://shop.test/terms',
      PRIVACY_URL: 'http://shop.test/privacy',
    },
  });
});

afterAll(() => app.close());

/** A page of the old shop: it has another origin and keeps no cookie. */
function page(): Shopper {
  const shopper = app.shopper();
  shopper.keepsCookies = false;
  return shopper;
}

/** The query of the callback page's address. */
const returned = async (shopper: Shopper, loginUrl: string, qq: string) =>
  new URLSearchParams(await shopper.approve(loginUrl, qq));

const FAMILIES = [
  {
    family: 'A',
    start: '/oauth/qq/statues/?state=%2Fcart.html',
    url: 'auth_url',
    callback: '/oauth/qq/users/',
    bind: '/oauth/qq/users/',
    picture: (id: string) => `/verifications/imagecodes/${id}/`,
    sms: (mobile: string, text: string, id: string) =>
      `/verifications/smscodes/${mobile}/?text=${text}&image_code_id=${id}`,
    username: (name: string) => `/users/usernames/${name}/count/`,
    mobile: (mobile: string) => `/users/phones/${mobile}/count/`,
    login: '/users/auths/',
    me: '/users/infos/',
  },
  {
    family: 'B',
    start: '/oauth/qq/authorization/?next=/cart.html',
    url: 'login_url',
    callback: '/oauth/qq/user/',
    bind: '/oauth/qq/user/',
    picture: (id: string) => `/image_codes/${id}/`,
    sms: (mobile: string, text: string, id: string) =>
      `/sms_codes/${mobile}/?image_code=${text}&image_code_id=${id}`,
    username: (name: string) => `/usernames/${name}/count/`,
    mobile: (mobile: string) => `/mobiles/${mobile}/count/`,
    login: '/authorizations/',
    me: '/user/',
  },
] as const;

describe.each(FAMILIES)('the old pages of family $family', (family) => {
  const sms = async (shopper: Shopper, mobile: string) => {
    const id = randomUUID();
    const text = (await shopper.get(family.picture(id))).headers.get('x-image-code') ?? '';
    const sent = await shopper.get(family.sms(mobile, text, id));
    expect(sent).toMatchObject({ status: 200, body: { message: 'ok' } });
    return app.sandbox.messages(mobile)[0]!.code;
  };

  it('the old pages log in with QQ, bind it to a new account, and then log in with QQ alone', async () => {
    const [shopper, qq, mobile, password] = [page(), newQq(), newMobile(), newPassword()];

    const started = (await shopper.get(family.start)).body;
    const query = await returned(shopper, String(started[family.url]), qq);
    const unbound = (await shopper.get(`${family.callback}?code=${query.get('code')}`)).body;
    const bound = await shopper.post(family.bind, {
      mobile,
      password,
      sms_code: await sms(shopper, mobile),
      access_token: unbound.access_token,
      allow: 'true',
    });
    const again = await returned(shopper, String((await shopper.get(family.start)).body[family.url]), qq);
    const login = await shopper.get(`${family.callback}?code=${again.get('code')}`);

    expect(query.get('state')).toBe('/cart.html');
    expect(unbound.user_id).toBeUndefined();
    expect(bound).toMatchObject({ status: 200, body: { username: mobile, token: expect.any(String) } });
    expect(bound.body.id).toBe(bound.body.user_id);
    expect(login.body.user_id).toBe(bound.body.user_id);
  });

  it('the old pages register, log in with a password, and read the account with the old scheme', async () => {
    const [shopper, username, mobile, password] = [page(), newName(), newMobile(), newPassword()];

    expect((await shopper.get(family.username(username))).body).toMatchObject({ count: 0 });
    const registered = await shopper.post('/users/', {
      username,
      password,
      password2: password,
      mobile,
      sms_code: await sms(shopper, mobile),
      allow: 'true',
    });
    expect(registered).toMatchObject({ status: 201, body: { username, token: expect.any(String) } });
    expect((await shopper.get(family.username(username))).body).toMatchObject({ count: 1 });
    expect((await shopper.get(family.mobile(mobile))).body).toMatchObject({ count: 1 });
    const login = await shopper.post(family.login, { username, password });
    expect(login).toMatchObject({ status: 200, body: { user_id: registered.body.user_id } });
    const headers = { authorization: `JWT ${login.body.token}` };
    expect(await shopper.send(family.me, { headers })).toMatchObject({ status: 200, body: { username } });
    expect(await shopper.send('/users/browerhistories/', { headers })).toMatchObject({ text: '[]' });
  });

  it('the old pages get refusals with status 400 and a sentence to show', async () => {
    const [shopper, mobile] = [page(), newMobile()];
    await sms(shopper, mobile);
    const id = randomUUID();
    const text = (await shopper.get(family.picture(id))).headers.get('x-image-code') ?? '';

    const second = await shopper.send(family.sms(mobile, text, id), { headers: { origin: PAGES } });

    expect(second).toMatchObject({ status: 400, body: { errorCode: 'TOO_MANY_REQUESTS' } });
    expect(second.body.message).toMatch(/频繁/);
    expect(second.headers.get('access-control-allow-origin')).toBe(PAGES);
    expect(second.headers.get('access-control-allow-credentials')).toBe('true');
  });

  it('the old pages keep the protections that they can: a code works once, `next` is local, consent is required', async () => {
    const [shopper, qq, mobile] = [page(), newQq(), newMobile()];
    const evil = family.start.replace(/=.*/, '=//evil.example');
    expect(await shopper.get(evil)).toMatchObject({ status: 400, body: { errorCode: 'NEXT_INVALID' } });

    const started = (await shopper.get(family.start)).body;
    const query = await returned(shopper, String(started[family.url]), qq);
    const twice = await Promise.all(
      [1, 2].map(() => shopper.get(`${family.callback}?code=${query.get('code')}`)),
    );
    const form = { mobile, password: newPassword(), sms_code: await writtenCode(app, mobile) };
    const access_token = twice[0]!.body.access_token;

    // An in-app browser loads the page twice: one outcome, and QQ is asked once.
    expect(twice[1]!.body).toEqual(twice[0]!.body);
    expect(await shopper.post(family.bind, { ...form, access_token })).toMatchObject({
      status: 400,
      body: { errorCode: 'TERMS_REQUIRED' },
    });
  });
});

describe('a code that an old page has handed in', () => {
  it('a callback of the old pages gives nothing to another client, not even within the minute in which it may be repeated', async () => {
    const [owner, stranger] = [page(), page()];
    const { login_url: url } = (await owner.get('/oauth/qq/authorization/?next=/')).body;
    const query = await returned(owner, url, newQq());
    const callback = `/oauth/qq/user/?code=${query.get('code')}`;
    const first = await owner.get(callback);

    expect(await stranger.get(callback)).toMatchObject({ status: 400, body: { errorCode: 'STATE_INVALID' } });

    expect((await owner.get(callback)).body).toEqual(first.body);
    expect(first.body.access_token).toEqual(expect.any(String));
  });
});

describe('beside the old pages, our own', () => {
  it('with LEGACY_CLIENT, our own pages send binding=browser, get the signed state, and their bind token stays theirs', async () => {
    const shopper = app.shopper();
    const { body } = await shopper.get('/oauth/qq/authorization/?next=/cart.html&binding=browser');
    const query = await returned(shopper, body.login_url, newQq());
    const unbound = await shopper.get(`/oauth/qq/users/?${query.toString()}`);

    expect(query.get('state')).toMatch(/^[\w-]+\./);
    const mobile = newMobile();
    const form = {
      mobile,
      password: newPassword(),
      sms_code: await writtenCode(app, mobile),
      access_token: unbound.body.access_token,
    };
    expect(await page().post('/oauth/qq/users/', { ...form, allow: 'true' })).toMatchObject({
      status: 400,
      body: { errorCode: 'BIND_TOKEN_INVALID' },
    });
    expect((await shopper.post('/oauth/qq/users/', { ...form, terms_version: '2026-11' })).status).toBe(200);
  });

  it("with LEGACY_CLIENT, an old shop's token without jti and iat, and its password hash, are accepted", async () => {
    const user = await oldAccount(app, { password: OLD_PASSWORD.encoded });
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const token = signed({ user_id: user.id, username: user.username, exp, email: '' }, SECRET_KEY);

    expect((await app.shopper().get('/user/', token)).status).toBe(200);
    expect(
      (await page().post('/users/auths/', { username: user.mobile, password: OLD_PASSWORD.plain })).status,
    ).toBe(200);
  });
});

describe('without LEGACY_CLIENT', () => {
  it('without LEGACY_CLIENT, a code without a state is refused, and the old paths do not exist', async () => {
    const plain = await startApp();
    const shopper = plain.shopper();
    try {
      expect((await shopper.get('/oauth/qq/users/?code=ABC')).status).toBe(400);
      expect(await shopper.get('/oauth/qq/users/?code=ABC&state=/cart.html')).toMatchObject({
        status: 400,
        body: { errorCode: 'STATE_INVALID' },
      });
      for (const path of ['/oauth/qq/statues/?state=/', '/legacy/login', '/users/browerhistories/']) {
        expect((await shopper.get(path)).status).toBe(404);
      }
    } finally {
      await plain.close();
    }
  });
});
