import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetLimit } from '../support/fixtures.js';
import { type App, startApp } from '../support/start-app.js';
import { newMobile, newPassword, newQq } from '../support/shopper.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

describe('a shopper with an unbound QQ', () => {
  it('a shopper binds an unbound QQ to a new account, and then logs in with QQ alone', async () => {
    const shopper = app.shopper();
    const qq = newQq();
    const form = await shopper.bindForm({ qq });

    const bound = await shopper.bind(form);

    expect(bound).toMatchObject({ status: 200, body: { username: form.mobile } });
    const me = await shopper.get('/user/', bound.body.token);
    expect(me.body).toMatchObject({
      id: bound.body.user_id,
      username: form.mobile,
      email: '',
      email_active: false,
    });
    const again = await app.shopper().loginWithQq(qq, '/cart.html');
    expect(again.body).toMatchObject({ user_id: bound.body.user_id, next: '/cart.html' });
    expect((await shopper.get('/user/', again.body.token)).status).toBe(200);
  });

  it("a shopper binds an unbound QQ to the mobile's existing account, with the right password", async () => {
    const owner = await app.shopper().register();
    const shopper = app.shopper();
    await forgetLimit(app, 'sms-per-mobile-minute', owner.mobile);
    const form = await shopper.bindForm({ mobile: owner.mobile, password: 'wrong-password-1' });

    const wrong = await shopper.bind(form);
    const right = await shopper.bind({ ...form, password: owner.password });

    expect(wrong).toMatchObject({ status: 400, body: { errorCode: 'PASSWORD_INVALID' } });
    expect(right).toMatchObject({ status: 200, body: { user_id: owner.id, username: owner.username } });
  });
});

describe('the same bind again', () => {
  it('a repeated bind gets the same success, and no second account', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const first = await shopper.bind(form);
    const second = await shopper.bind(form);

    expect(first.status).toBe(200);
    expect(second).toMatchObject({ status: 200, body: { user_id: first.body.user_id } });
  });

  it('a repeated bind gets the same success while the first is still running', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    const answers = await Promise.all([shopper.bind(form), shopper.bind(form), shopper.bind(form)]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.user_id)).size).toBe(1);
  });

  it('a repeated bind is refused when any field differs', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await shopper.bind(form);

    for (const other of [{ password: newPassword() }, { sms_code: '000000' }, { mobile: newMobile() }]) {
      const { body } = await shopper.bind({ ...form, ...other });
      expect(body.errorCode).toBe('BIND_TOKEN_INVALID');
    }
  });
});
