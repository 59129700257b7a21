import { afterEach, describe, expect, it } from 'vitest';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { writtenCode } from '../support/fixtures.js';
import { newMobile, newPassword, newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const KEY = 'introspection-key-for-tests-0123456789';
let app: App | undefined;

afterEach(async () => {
  await app?.close();
  app = undefined;
});

const start = async (env: Record<string, string>) => {
  app = await startApp({ env });
  return app;
};
const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });

describe('TERMS_VERSION', () => {
  const TERMS = {
    TERMS_VERSION: '2026-11',
    TERMS_URL: 'http://shop.test/terms',
    PRIVACY_URL: 'http://shop.test/privacy',
  };

  it('TERMS_VERSION requires consent on every way to a new account, costs no SMS, and is kept in the trail', async () => {
    const service = await start(TERMS);
    const person = service.shopper();
    const form = await person.bindForm();
    const mobile = newMobile();
    const sms_code = await writtenCode(app!, mobile);
    const registration = { username: 'consenting', password: newPassword(), mobile, sms_code };

    expect(await person.bind(form)).toMatchObject(refused('TERMS_REQUIRED'));
    expect(await person.bind({ ...form, terms_version: '2025-01' })).toMatchObject(refused('TERMS_REQUIRED'));
    expect(await person.post('/authorizations/sms/', { mobile, sms_code })).toMatchObject(
      refused('TERMS_REQUIRED'),
    );
    expect(await person.post('/users/', registration)).toMatchObject(refused('TERMS_REQUIRED'));
    const bound = await person.bind({ ...form, terms_version: '2026-11' });
    const registered = await person.post('/users/', { ...registration, terms_version: '2026-11' });

    expect(bound.status).toBe(200);
    expect(registered.status).toBe(201);
    const events = await service.dataSource.getRepository(AccountEvent).findBy({ event: 'registered' });
    expect(events.map(({ detail }) => detail)).toEqual(['2026-11', '2026-11']);
  });

  it('TERMS_VERSION asks nobody who has an account', async () => {
    const person = (await start(TERMS)).shopper();
    const form = await person.bindForm();
    await person.bind({ ...form, terms_version: '2026-11' });

    const login = await person.post('/authorizations/sms/', {
      mobile: form.mobile,
      sms_code: await writtenCode(app!, form.mobile),
    });

    expect(login.status).toBe(200);
  });
});

describe('POST /authorizations/introspection/', () => {
  const ask = (service: App, token: string, key = KEY) =>
    service.shopper().send('/authorizations/introspection/', {
      method: 'POST',
      body: { token },
      headers: { authorization: `Bearer ${key}` },
    });

  it('introspection says whether a token is valid, and says nothing else about an invalid one', async () => {
    const service = await start({ INTROSPECTION_KEY: KEY });
    const person = service.shopper();
    const { id, username, token } = await person.register();

    const before = await ask(service, token);
    await person.send('/authorizations/all/', { method: 'DELETE', token });

    expect(before).toMatchObject({ status: 200, body: { active: true, sub: String(id), username } });
    expect(Number(before.body.exp) - Number(before.body.iat)).toBe(service.config.JWT_TTL);
    for (const dead of [token, 'nonsense', `${token}x`]) {
      expect((await ask(service, dead)).body).toEqual({ active: false });
    }
  });

  it('introspection refuses a wrong key, and does not exist without a configured key', async () => {
    const service = await start({ INTROSPECTION_KEY: KEY });
    expect(await ask(service, 'x', `${KEY}0`)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    await service.close();

    const off = await start({});
    expect(await ask(off, 'x')).toMatchObject(refused('NOT_FOUND', 404));
  });
});

describe('QQ_PROFILE', () => {
  it('QQ_PROFILE lets the pages load pictures from the hosts that serve the pictures of QQ, and from no other', async () => {
    const service = await start({ QQ_PROFILE: 'true' });

    const { headers } = await service.shopper().get('/');

    const [, sources] = /img-src ([^;]*)/.exec(headers.get('content-security-policy')!)!;
    expect(sources).toBe(`'self' https://*.qlogo.cn ${service.sandbox.url}`);
  });

  it('QQ_PROFILE shows the nickname before the bind and in the list after it, and asks QQ nothing for a bound QQ', async () => {
    const service = await start({ QQ_PROFILE: 'true' });
    const person = service.shopper();
    const qq = newQq();

    const unbound = (await person.loginWithQq(qq)).body;
    const form = await person.bindForm({ qq });
    const { token } = (await person.bind(form)).body;
    const asked = service.sandbox.requests.user_info;
    const bound = (await person.loginWithQq(qq)).body;

    expect(unbound).toMatchObject({ nickname: expect.stringMatching(/./), access_token: expect.any(String) });
    const list = (await person.get('/oauth/qq/bindings/', token)).body;
    expect(list).toMatchObject([{ nickname: unbound.nickname }]);
    expect(bound).not.toHaveProperty('nickname');
    expect(service.sandbox.requests.user_info).toBe(asked);
  });

  it('QQ_PROFILE does not stop a login when QQ gives no profile', async () => {
    const service = await start({ QQ_PROFILE: 'true' });
    service.sandbox.setFault({ mode: 'http500', on: 'user_info' });

    const { status, body } = await service.shopper().loginWithQq(newQq());

    expect(status).toBe(200);
    expect(body).toMatchObject({ access_token: expect.any(String) });
    expect(body).not.toHaveProperty('nickname');
  });
});
