import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { User } from '../../src/users/user.entity.js';
import { writtenCode } from '../support/fixtures.js';
import { newMobile, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });
const row = (id: number) => app.dataSource.getRepository(User).findOneByOrFail({ id });
const loginBySms = async (shopper: Shopper, mobile: string, fields: object = {}) =>
  shopper.post('/authorizations/sms/', { mobile, sms_code: await writtenCode(app, mobile), ...fields });
const put = (shopper: Shopper, path: string, token: string, body: object) =>
  shopper.send(path, { method: 'PUT', token, body });
const close = (shopper: Shopper, token: string, body: object) =>
  shopper.send('/user/', { method: 'DELETE', token, body });

describe('POST /authorizations/sms/', () => {
  it('a login by SMS opens an account without a password for a new mobile, and then logs the same mobile in', async () => {
    const mobile = newMobile();

    const first = await loginBySms(app.shopper(), mobile);
    const second = await loginBySms(app.shopper(), mobile);

    expect(first).toMatchObject({ status: 201, body: { username: mobile } });
    expect(second).toMatchObject({ status: 200, body: { user_id: first.body.user_id } });
    expect((await app.shopper().get('/user/', second.body.token)).status).toBe(200);
    const { password } = (
      await app.dataSource.query<{ password: string }[]>('SELECT password FROM tb_users WHERE mobile = ?', [
        mobile,
      ])
    )[0]!;
    expect(password).toBe('!');
  });

  it('a login by SMS spends its code: the same code logs in once', async () => {
    const mobile = newMobile();
    const sms_code = await writtenCode(app, mobile);
    const send = () => app.shopper().post('/authorizations/sms/', { mobile, sms_code });

    const answers = await Promise.all([send(), send(), send()]);

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.errorCode === 'SMS_CODE_INVALID')).toHaveLength(2);
  });

  it('a login by SMS refuses a wrong code and a disabled account', async () => {
    const shopper = app.shopper();
    const { id, mobile } = await shopper.register();

    expect(await loginBySms(shopper, mobile, { sms_code: '000000' })).toMatchObject(
      refused('SMS_CODE_INVALID'),
    );
    await app.dataSource.getRepository(User).update({ id }, { isActive: false });
    expect(await loginBySms(shopper, mobile)).toMatchObject(refused('ACCOUNT_DISABLED'));
  });

  it('an account without a password gets the password of its first bind', async () => {
    const [shopper, mobile, password, qq] = [app.shopper(), newMobile(), newPassword(), newQq()];
    const { user_id } = (await loginBySms(shopper, mobile)).body;

    const bound = await shopper.bind(
      await shopper.bindForm({ mobile, password, qq, sms_code: await writtenCode(app, mobile) }),
    );

    expect(bound).toMatchObject({ status: 200, body: { user_id } });
    expect((await shopper.post('/authorizations/', { username: mobile, password })).status).toBe(200);
  });
});

describe('PUT /user/mobile/', () => {
  it('changing the mobile ends every login, and only the new mobile logs in', async () => {
    const shopper = app.shopper();
    const { id, mobile, password, token } = await shopper.register();
    const next = newMobile();

    const answer = await put(shopper, '/user/mobile/', token, {
      password,
      mobile: next,
      sms_code: await writtenCode(app, next),
    });

    expect(answer.status).toBe(200);
    expect((await row(id)).mobile).toBe(next);
    expect(await shopper.get('/user/', token)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    expect((await shopper.post('/authorizations/', { username: next, password })).status).toBe(200);
    expect(await shopper.post('/authorizations/', { username: mobile, password })).toMatchObject(
      refused('CREDENTIALS_INVALID'),
    );
  });

  it('changing the mobile renames an account that is named after it', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { token, user_id } = (await shopper.bind(form)).body;
    const next = newMobile();

    await put(shopper, '/user/mobile/', token, {
      password: form.password,
      mobile: next,
      sms_code: await writtenCode(app, next),
    });

    expect((await row(user_id)).username).toBe(next);
  });

  it('changing the mobile refuses a wrong password, a code of the old mobile and a taken mobile, and keeps the code', async () => {
    const shopper = app.shopper();
    const { id, mobile, password, token } = await shopper.register();
    const other = await app.shopper().register();
    const next = newMobile();
    const sms_code = await writtenCode(app, next);

    expect(
      await put(shopper, '/user/mobile/', token, { password: newPassword(), mobile: next, sms_code }),
    ).toMatchObject(refused('PASSWORD_INVALID'));
    expect(await put(shopper, '/user/mobile/', token, { mobile: next, sms_code })).toMatchObject(
      refused('PASSWORD_INVALID'),
    );
    expect(
      await put(shopper, '/user/mobile/', token, {
        password,
        mobile: newMobile(),
        sms_code: await writtenCode(app, mobile),
      }),
    ).toMatchObject(refused('SMS_CODE_INVALID'));
    const taken = { password, mobile: other.mobile, sms_code: await writtenCode(app, other.mobile) };
    expect(await put(shopper, '/user/mobile/', token, taken)).toMatchObject(refused('MOBILE_TAKEN'));
    expect((await row(id)).mobile).toBe(mobile);
    expect((await put(shopper, '/user/mobile/', token, { password, mobile: next, sms_code })).status).toBe(
      200,
    );
  });
});

describe('DELETE /user/', () => {
  it('closing an account ends logins, unbinds QQs, frees mobile and name, and keeps the row without them', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const form = await shopper.bindForm({ qq });
    const { mobile, password } = form;
    const { token, user_id } = (await shopper.bind(form)).body;

    const answer = await close(shopper, token, { password, sms_code: await writtenCode(app, mobile) });

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(await shopper.get('/user/', token)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    expect((await app.shopper().loginWithQq(qq)).body).not.toHaveProperty('user_id');
    expect(await row(user_id)).toMatchObject({ isActive: false, email: '' });
    expect(JSON.stringify(await row(user_id))).not.toContain(mobile);
    const again = await loginBySms(app.shopper(), mobile);
    expect(again.status).toBe(201);
    expect(again.body.user_id).not.toBe(user_id);
  });

  it('closing an account makes every older bind token of its QQ invalid', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const access_token = await shopper.bindToken(qq);
    const form = await shopper.bindForm({ qq });
    const { token } = (await shopper.bind(form)).body;
    const body = { sms_code: await writtenCode(app, form.mobile), password: form.password };

    expect((await shopper.send('/user/', { method: 'DELETE', token, body })).status).toBe(204);

    const again = await shopper.bindForm({ access_token });
    expect((await shopper.bind(again)).body.errorCode).toBe('BIND_TOKEN_INVALID');
  });

  it('closing an account needs a code for its mobile, and the password if it has one', async () => {
    const shopper = app.shopper();
    const { mobile, password, token } = await shopper.register();

    expect(await close(shopper, token, { password, sms_code: '000000' })).toMatchObject(
      refused('SMS_CODE_INVALID'),
    );
    expect(await close(shopper, token, { sms_code: await writtenCode(app, mobile) })).toMatchObject(
      refused('PASSWORD_INVALID'),
    );
    expect((await shopper.get('/user/', token)).status).toBe(200);
  });

  it('closing an account without a password needs login and code', async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const { token } = (await loginBySms(shopper, mobile)).body;

    expect((await close(shopper, token, { sms_code: await writtenCode(app, mobile) })).status).toBe(204);
  });
});

describe('POST /sms_codes/ without a mobile', () => {
  it("POST /sms_codes/ without a mobile sends the code to the logged-in person's mobile only", async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const { token } = (await loginBySms(shopper, mobile)).body;
    const ask = async (who?: string) => {
      const id = randomUUID();
      const image_code = (await shopper.get(`/image_codes/${id}/`)).headers.get('x-image-code') ?? '';
      return shopper.post('/sms_codes/', { image_code_id: id, image_code }, who);
    };

    expect((await ask(token)).status).toBe(200);
    expect(app.sandbox.messages(mobile)).toHaveLength(1);
    expect(await ask()).toMatchObject({ status: 400, body: { errors: { mobile: [expect.any(String)] } } });
    expect(await ask(`${token}x`)).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });
});
