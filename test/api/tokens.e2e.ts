import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { type Answer, newMobile, newPassword, type Registered, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { atOnce, claimsOf, forgetLimit, later, seconds, signed } from '../support/fixtures.js';
import { keysOf } from '../support/redis-servers.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const LOGIN_REQUIRED = { status: 401, body: { errorCode: 'LOGIN_REQUIRED' } };
const BIND_TOKEN_INVALID = { status: 400, body: { errorCode: 'BIND_TOKEN_INVALID' } };
const who = async (token: string) => (await app.shopper().get('/user/', token)).status;
const remove = (shopper: Shopper, path: string, token: string, body?: unknown) =>
  shopper.send(path, { method: 'DELETE', token, ...(body !== undefined && { body }) });
const login = async (account: Pick<Registered, 'username' | 'password'>): Promise<string> => {
  const { username, password } = account;
  return (await app.shopper().post('/authorizations/', { username, password })).body.token;
};
/** A login token as the old shop signs it: neither `jti` nor `iat`. */
const oldShopToken = ({ id, username }: Pick<Registered, 'id' | 'username'>, claims: object = {}) =>
  signed({ user_id: id, username, exp: seconds() + 86_400, email: '', ...claims }, app.config.JWT_SECRET);

describe('a bind whose answer was lost', () => {
  it('a bind whose answer was lost is answered again, with a login token that works', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const first = await shopper.bind(form);

    const again = await shopper.bind(form);

    expect(again).toMatchObject({
      status: 200,
      body: { user_id: first.body.user_id, username: form.mobile },
    });
    expect(await who(again.body.token)).toBe(200);
    expect(again.headers.get('cache-control')).toBe('no-store');
  });

  it('a bind to an existing account whose answer was lost is answered again', async () => {
    const owner = await app.shopper().register();
    const shopper = app.shopper();
    await forgetLimit(app, 'sms-per-mobile-minute', owner.mobile);
    const form = await shopper.bindForm({ mobile: owner.mobile, password: owner.password });
    await shopper.bind(form);

    expect(await shopper.bind(form)).toMatchObject({ status: 200, body: { user_id: owner.id } });
  });

  it('a bind whose answer was lost is answered by another instance of the service', async () => {
    const other = await startApp({ beside: app });
    try {
      const shopper = app.shopper();
      const form = await shopper.bindForm();
      const { body } = await shopper.bind(form);
      const elsewhere = other.shopper();
      elsewhere.cookie = shopper.cookie;

      const again = await elsewhere.bind(form);

      // Embedded, each service has its own Redis and cannot know the receipt.
      if (app.backends.embedded) expect(again.status).toBe(400);
      else expect(again).toMatchObject({ status: 200, body: { user_id: body.user_id } });
    } finally {
      await other.close();
    }
  });

  it('a bind is answered again after four and a half minutes, but not after five', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await shopper.bind(form);

    expect((await later(270, () => shopper.bind(form))).status).toBe(200);
    expect(await later(301, () => shopper.bind(form))).toMatchObject(BIND_TOKEN_INVALID);
  });

  it.each([
    ['another password', { password: newPassword() }],
    ['another code', { sms_code: '000000' }],
    ['another mobile', { mobile: newMobile() }],
  ])('a used bind token is refused with %s, without any detail', async (_, change) => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await shopper.bind(form);

    expect(await shopper.bind({ ...form, ...change })).toMatchObject(BIND_TOKEN_INVALID);
  });

  it('a repeated bind is refused after the password has changed', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { token } = (await shopper.bind(form)).body;
    const body = { old_password: form.password, new_password: newPassword() };
    await shopper.send('/user/password/', { method: 'PUT', token, body });

    expect(await shopper.bind(form)).toMatchObject(BIND_TOKEN_INVALID);
  });

  it('every older bind token is refused once the QQ has been unbound', async () => {
    const shopper = app.shopper();
    const qq = '900100200';
    const form = await shopper.bindForm({ qq });
    const spare = await app.shopper().bindForm({ qq });
    const { token } = (await shopper.bind(form)).body;
    const [binding] = (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];

    await remove(shopper, `/oauth/qq/bindings/${binding!.id}/`, token, { password: form.password });

    expect(await shopper.bind(form)).toMatchObject(BIND_TOKEN_INVALID);
    expect(
      await shopper.bind({ ...(await shopper.bindForm()), access_token: form.access_token }),
    ).toMatchObject(BIND_TOKEN_INVALID);
    expect((await shopper.bind(spare)).status).toBe(400);
    expect((await shopper.bind(await shopper.bindForm({ qq }))).status).toBe(200);
  });

  it('a bind stores nothing that contains the password, not even hashed', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await shopper.bind(form);

    const kept: string[] = [];
    for (const key of await keysOf(app.redis, 'qq:bind:*'))
      kept.push((await app.redis.hget(key, 'receipt')) ?? '{}');

    const { jti } = claimsOf(form.access_token);
    const own = kept
      .map((text) => JSON.parse(text) as object)
      .find((receipt) => Object.values(receipt).includes(jti));
    // A keyed hash of mobile and code only: the password does not change it.
    const key = app.config.keyFor('bind receipts');
    const mark = createHmac('sha256', key).update(`${form.mobile} ${form.sms_code}`).digest('base64url');
    expect(own).toEqual({ tokenId: jti, mark, at: expect.any(Number) });
  });

  it('fifty simultaneous identical binds make one account and one binding', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const answers = await atOnce(50, () => shopper.bind(form));

    const ids = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.user_id));
    expect(ids.size).toBe(1);
    expect(await app.dataSource.getRepository(User).countBy({ mobile: form.mobile })).toBe(1);
    expect(await app.dataSource.getRepository(OAuthQQUser).countBy({ userId: [...ids][0]! })).toBe(1);
  });
});

describe('logging out', () => {
  it('logging out ends this token and no other', async () => {
    const account = await app.shopper().register();
    const other = await login(account);

    const answer = await remove(app.shopper(), '/authorizations/', account.token);

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(await app.shopper().get('/user/', account.token)).toMatchObject(LOGIN_REQUIRED);
    expect(await who(other)).toBe(200);
  });

  it('a logged-out token stays ended, however many others log out at the same time', async () => {
    const account = await app.shopper().register();
    const tokens = await atOnce(10, () => login(account));

    await Promise.all(tokens.map((token) => remove(app.shopper(), '/authorizations/', token)));

    for (const token of tokens) expect(await who(token)).toBe(401);
    expect(await who(account.token)).toBe(200);
  });

  it('logging out everywhere ends all tokens, also those of the same second, and a new one works', async () => {
    const account = await app.shopper().register();
    const others = await atOnce(3, () => login(account));

    expect((await remove(app.shopper(), '/authorizations/all/', account.token)).status).toBe(204);

    for (const token of [account.token, ...others]) expect(await who(token)).toBe(401);
    expect(await who(await login(account))).toBe(200);
  });

  it('logging out everywhere does not affect another account', async () => {
    const [one, other] = [await app.shopper().register(), await app.shopper().register()];

    await remove(app.shopper(), '/authorizations/all/', one.token);

    expect(await who(other.token)).toBe(200);
  });

  it('logging out needs a token', async () => {
    for (const path of ['/authorizations/', '/authorizations/all/'])
      expect(await app.shopper().send(path, { method: 'DELETE' })).toMatchObject(LOGIN_REQUIRED);
  });

  it('an ended token is remembered until it expires, however long it lives', async () => {
    const long = await startApp({ beside: app, env: { JWT_TTL: String(31 * 86_400) } });
    try {
      const account = await long.shopper().register();
      const other = (await long.shopper().post('/authorizations/', account)).body.token;
      await remove(long.shopper(), '/authorizations/', other);
      await remove(long.shopper(), '/authorizations/all/', account.token);

      const left = await long.redis.ttl(`qq:ended_tokens:{${account.id}}`);

      expect(left).toBeGreaterThanOrEqual(31 * 86_400 - 5);
    } finally {
      await long.close();
    }
  });
});

describe('a token of the old shop, with neither jti nor iat', () => {
  it('a token of the old shop is a login here, also by its own scheme', async () => {
    const account = await app.shopper().register();
    const token = oldShopToken(account);

    expect(await who(token)).toBe(200);
    const { status } = await app.shopper().send('/user/', { headers: { authorization: `JWT ${token}` } });
    expect(status).toBe(200);
  });

  it('a token of the old shop can be logged out', async () => {
    const account = await app.shopper().register();
    const [token, other] = [oldShopToken(account), oldShopToken(account, { exp: seconds() + 86_399 })];

    await remove(app.shopper(), '/authorizations/', token);

    expect(await who(token)).toBe(401);
    expect(await who(other)).toBe(200);
  });

  it('a token of the old shop ends when the account signs out everywhere', async () => {
    const account = await app.shopper().register();
    const token = oldShopToken(account);

    await remove(app.shopper(), '/authorizations/all/', account.token);

    expect(await who(token)).toBe(401);
  });

  it("a token of the old shop with a longer life than the shop's setting ends too, because its age is unknown", async () => {
    const account = await app.shopper().register();
    const token = oldShopToken(account, { exp: seconds() + 7 * 86_400 });
    expect(await who(token)).toBe(200);

    await remove(app.shopper(), '/authorizations/all/', account.token);

    expect(await who(token)).toBe(401);
  });

  it.each([
    ['iat', (): object => ({ iat: seconds() + 86_400 })],
    ['jti', (): object => ({ jti: 'ffffffff-ffff-7fff-bfff-ffffffffffff' })],
  ])(
    'a token of another service whose %s is in the future ends too, because its age is unknown',
    async (_, claims) => {
      const account = await app.shopper().register();
      const token = oldShopToken(account, claims());
      expect(await who(token)).toBe(200);

      await remove(app.shopper(), '/authorizations/all/', account.token);

      expect(await who(token)).toBe(401);
    },
  );

  it.each([1e12, 1e16, 1e300])(
    'a token of another service that lives until %d can be logged out',
    async (exp) => {
      const account = await app.shopper().register();
      const token = oldShopToken(account, { exp });
      expect(await who(token)).toBe(200);

      expect((await remove(app.shopper(), '/authorizations/', token)).status).toBe(204);

      expect(await who(token)).toBe(401);
    },
  );

  it.each([2 ** 31, 3_000_000_000, 2 ** 53, 0, -1, 1.5, '1', null])(
    'a token of another service for the account %j is none, and leaves nothing for the audit trail',
    async (user_id) => {
      const account = await app.shopper().register();
      const token = oldShopToken(account, { user_id });
      const record = vi.spyOn(app.nest.get(AuditWriter), 'recordLater');

      expect(await who(token)).toBe(401);
      const body = { old_password: newPassword(), new_password: newPassword() };
      expect((await app.shopper().send('/user/password/', { method: 'PUT', token, body })).status).toBe(401);

      expect(record).not.toHaveBeenCalled();
      record.mockRestore();
    },
  );

  it('a token of the old shop that was signed after signing out everywhere works', async () => {
    const account = await app.shopper().register();
    await remove(app.shopper(), '/authorizations/all/', account.token);

    expect(await later(2, () => who(oldShopToken(account)))).toBe(200);
  });

  it('a token of the old shop that has no expiry or has expired is invalid', async () => {
    const account = await app.shopper().register();

    expect(await who(oldShopToken(account, { exp: undefined }))).toBe(401);
    expect(await who(oldShopToken(account, { exp: seconds() - 1 }))).toBe(401);
  });

  it('a token of the old shop with its own jti ends like any other', async () => {
    const account = await app.shopper().register();
    // The UUID's moment is in the year 10889: a token from the future must end too.
    for (const jti of ['all', 'ffffffff-ffff-7fff-bfff-ffffffffffff', '__proto__', '']) {
      const token = oldShopToken(account, { jti });
      expect(await who(token)).toBe(200);
      await remove(app.shopper(), '/authorizations/', token);
      expect(await who(token)).toBe(401);
    }
    expect(await who(account.token)).toBe(200);
  });
});

describe('our own token', () => {
  it('our own token has what the old shop reads: user_id, username, email, exp, and no aud', async () => {
    const { token, id, username } = await app.shopper().register();
    const [head, claims] = token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object);

    expect(head).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(claims).toEqual({
      user_id: id,
      username,
      email: '',
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    });
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer a.b',
    'Bearer a.b.c.d',
    'bearer null',
    'Bearer undefined',
  ])('a token is refused when the header is %j', async (authorization) => {
    const answer: Answer = await app.shopper().send('/user/', { headers: { authorization } });

    expect(answer).toMatchObject(LOGIN_REQUIRED);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('a token is not accepted while Redis cannot say whether it has ended', async () => {
    const { token } = await app.shopper().register();
    const away = vi.spyOn(app.redis, 'mget').mockRejectedValue(new Error('Connection is closed.'));
    try {
      expect(await app.shopper().get('/user/', token)).toMatchObject({
        status: 503,
        body: { errorCode: 'UNAVAILABLE' },
      });
    } finally {
      away.mockRestore();
    }
  });
});
