import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openidOf } from '../../sandbox/people.js';
import { type Answer, type BindForm, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { writtenCode } from '../support/fixtures.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

interface Binding {
  readonly id: number;
  readonly bound_at: string;
  readonly last_login_at: string | null;
  readonly openid_hint: string;
  readonly nickname: string | null;
}

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });
const listed = async (shopper: Shopper, token: string) =>
  (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as Binding[];
const add = async (shopper: Shopper, token: string, mobile: string, body: object): Promise<Answer> =>
  shopper.post('/oauth/qq/bindings/', { sms_code: await writtenCode(app, mobile), ...body }, token);
const unbind = (shopper: Shopper, token: string, id: number | string, password: string): Promise<Answer> =>
  shopper.send(`/oauth/qq/bindings/${id}/`, { method: 'DELETE', token, body: { password } });
const hint = (qq: string) => `****${openidOf(app.config.QQ_APP_ID, qq).slice(-4)}`;

/** A shopper with an account and one QQ. */
async function owner(
  qq = newQq(),
): Promise<{ shopper: Shopper; token: string; qq: string; id: number } & BindForm> {
  const shopper = app.shopper();
  const form = await shopper.bindForm({ qq });
  const { token, user_id } = (await shopper.bind(form)).body;
  return { shopper, token, qq, id: user_id, ...form };
}

describe('the list of QQs', () => {
  it('the list of QQs is empty for an account without one', async () => {
    const shopper = app.shopper();
    const { token } = await shopper.register();

    expect(await shopper.get('/oauth/qq/bindings/', token)).toMatchObject({ status: 200, text: '[]' });
  });

  it('the list of QQs shows when each was bound and last used, the first bound first, and no full openid', async () => {
    const { shopper, token, qq, mobile, password } = await owner();
    const second = newQq();
    await add(shopper, token, mobile, { access_token: await shopper.bindToken(second), password });

    const answer = await shopper.get('/oauth/qq/bindings/', token);

    const fields = {
      id: expect.any(Number),
      bound_at: expect.any(String),
      last_login_at: null,
      nickname: null,
    };
    expect(answer.body).toEqual([
      { ...fields, openid_hint: hint(qq) },
      { ...fields, openid_hint: hint(second) },
    ]);
    const [binding] = await listed(shopper, token);
    expect(Math.abs(Date.parse(binding!.bound_at) - Date.now())).toBeLessThan(60_000);
    for (const each of [qq, second]) expect(answer.text).not.toContain(openidOf(app.config.QQ_APP_ID, each));
  });

  it('the list of QQs shows within a second which QQ has logged in', async () => {
    const { shopper, token, qq, mobile, password } = await owner();
    await add(shopper, token, mobile, { access_token: await shopper.bindToken(), password });
    const before = Date.now();
    await app.shopper().loginWithQq(qq);

    await expect
      .poll(() => listed(shopper, token))
      .toMatchObject([{ last_login_at: expect.any(String) }, { last_login_at: null }]);
    const [used] = await listed(shopper, token);
    expect(Date.parse(used!.last_login_at!)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(used!.last_login_at!)).toBeLessThanOrEqual(Date.now());
  });

  it('the list of QQs needs a login', async () => {
    expect(await app.shopper().get('/oauth/qq/bindings/')).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });
});

describe('adding a QQ', () => {
  it("adding a QQ takes the login, the password, a code for the account's mobile and the QQ", async () => {
    const { shopper, token, id, mobile, password } = await owner();
    const qq = newQq();

    const answer = await add(shopper, token, mobile, { access_token: await shopper.bindToken(qq), password });

    expect(answer).toMatchObject({ status: 201, body: { last_login_at: null, openid_hint: hint(qq) } });
    expect((await listed(shopper, token)).slice(1)).toEqual([answer.body]);
    expect((await app.shopper().loginWithQq(qq)).body.user_id).toBe(id);
  });

  it('adding a QQ with a wrong password is refused, and the QQ can still be added', async () => {
    const { shopper, token, mobile, password } = await owner();
    const access_token = await shopper.bindToken();

    expect(await add(shopper, token, mobile, { access_token, password: newPassword() })).toMatchObject(
      refused('PASSWORD_INVALID'),
    );
    expect((await add(shopper, token, mobile, { access_token, password })).status).toBe(201);
  });

  it('adding a QQ that is bound already is refused', async () => {
    const [one, other] = [await owner(), await owner()];
    // Two browsers were logged in to this QQ before either used it.
    const qq = newQq();
    const [first, second] = [await one.shopper.bindToken(qq), await other.shopper.bindToken(qq)];
    await add(one.shopper, one.token, one.mobile, { access_token: first, password: one.password });

    expect(
      await add(other.shopper, other.token, other.mobile, { access_token: second, password: other.password }),
    ).toMatchObject(refused('QQ_ALREADY_BOUND'));
    expect(await listed(other.shopper, other.token)).toHaveLength(1);
  });

  it('adding a QQ uses up the bind token', async () => {
    const { shopper, token, mobile, password } = await owner();
    const access_token = await shopper.bindToken();
    await add(shopper, token, mobile, { access_token, password });

    expect(await add(shopper, token, mobile, { access_token, password })).toMatchObject(
      refused('BIND_TOKEN_INVALID'),
    );
    expect(await shopper.bind(await shopper.bindForm({ access_token }))).toMatchObject(
      refused('BIND_TOKEN_INVALID'),
    );
  });

  it('adding a QQ needs a login, even with a valid bind token', async () => {
    const shopper = app.shopper();
    const access_token = await shopper.bindToken();

    const answer = await shopper.post('/oauth/qq/bindings/', { access_token, password: newPassword() });

    expect(answer).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });

  it('adding a QQ with the password but without a code is refused, so that a stolen password adds no login', async () => {
    const { shopper, token, password } = await owner();
    const qq = newQq();

    const answer = await shopper.post(
      '/oauth/qq/bindings/',
      { access_token: await shopper.bindToken(qq), password, sms_code: '000000' },
      token,
    );

    expect(answer).toMatchObject(refused('SMS_CODE_INVALID'));
    expect((await app.shopper().loginWithQq(qq)).body).not.toHaveProperty('user_id');
  });

  it.each([{}, { access_token: 'x' }, { password: 'x' }, { access_token: '', password: '' }])(
    'adding a QQ without a required field is refused: %j',
    async (body) => {
      const { shopper, token } = await owner();

      expect(await shopper.post('/oauth/qq/bindings/', body, token)).toMatchObject(
        refused('REQUEST_INVALID'),
      );
    },
  );
});

describe('unbinding a QQ', () => {
  it("unbinding a QQ ends its logins and the account's older tokens, and leaves the account", async () => {
    const { shopper, token, qq, mobile, password } = await owner();
    const [binding] = await listed(shopper, token);

    const answer = await unbind(shopper, token, binding!.id, password);

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(await shopper.get('/user/', token)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    expect((await app.shopper().loginWithQq(qq)).body).not.toHaveProperty('user_id');
    const login = await shopper.post('/authorizations/', { username: mobile, password });
    expect(await listed(shopper, login.body.token)).toEqual([]);
  });

  it('unbinding a QQ with a wrong password is refused, and ends nothing', async () => {
    const { shopper, token } = await owner();
    const [binding] = await listed(shopper, token);

    expect(await unbind(shopper, token, binding!.id, newPassword())).toMatchObject(
      refused('PASSWORD_INVALID'),
    );
    expect(await listed(shopper, token)).toHaveLength(1);
  });

  it('unbinding an unknown QQ is refused, and ends nothing', async () => {
    const { shopper, token, password } = await owner();

    expect(await unbind(shopper, token, 2_000_000_000, password)).toMatchObject(refused('NOT_FOUND', 404));
    expect((await shopper.get('/user/', token)).status).toBe(200);
  });

  it.each(['0', '-1', '1.5', 'x', '1%20OR%201=1', '99999999999', '1e3x'])(
    'unbinding a QQ by an invalid id is refused: %s',
    async (id) => {
      const { shopper, token, password } = await owner();

      expect(await unbind(shopper, token, id, password)).toMatchObject(refused('REQUEST_INVALID'));
    },
  );

  it('of two simultaneous unbindings of one QQ, one finds nothing or is logged out', async () => {
    const { shopper, token, password } = await owner();
    const [binding] = await listed(shopper, token);

    const answers = await Promise.all([1, 2].map(() => unbind(shopper, token, binding!.id, password)));

    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 404 || status === 401)).toHaveLength(1);
  });

  it('an unbound QQ can be bound to another account', async () => {
    const { shopper, token, qq, password } = await owner();
    const [binding] = await listed(shopper, token);
    await unbind(shopper, token, binding!.id, password);
    const other = app.shopper();

    const { status, body } = await other.bind(await other.bindForm({ qq }));

    expect(status).toBe(200);
    expect((await app.shopper().loginWithQq(qq)).body.user_id).toBe(body.user_id);
  });
});
