import { createHash, pbkdf2Sync } from 'node:crypto';
import argon2 from '@node-rs/argon2';
import bcrypt from 'bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { User } from '../../src/users/user.entity.js';
import { type Answer, newMobile, newPassword, type Registered, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { atOnce, forgetLimit, oldAccount, OLD_PASSWORD, tally } from '../support/fixtures.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });
const login = (username: string, password: string) =>
  app.shopper().post('/authorizations/', { username, password });
const change = (
  shopper: Shopper,
  token: string,
  old_password: string,
  new_password: string,
): Promise<Answer> =>
  shopper.send('/user/password/', { method: 'PUT', token, body: { old_password, new_password } });
const reset = async (shopper: Shopper, mobile: string, password: string): Promise<Answer> => {
  await forgetLimit(app, 'sms-per-mobile-minute', mobile);
  const sms_code = await shopper.smsCode(mobile);
  return shopper.post('/user/password/', { mobile, sms_code, password });
};

async function encodedOf(id: number): Promise<string> {
  const users = app.dataSource.getRepository(User);
  return (await users.findOneOrFail({ select: { password: true }, where: { id } })).password;
}

describe('changing the password', () => {
  it('changing the password takes the old one, and then only the new one logs in', async () => {
    const shopper = app.shopper();
    const { token, username, password } = await shopper.register();
    const fresh = newPassword();

    const answer = await change(shopper, token, password, fresh);

    expect(answer).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    expect(answer.body).not.toHaveProperty('token');
    expect((await login(username, fresh)).status).toBe(200);
    expect(await login(username, password)).toMatchObject(refused('CREDENTIALS_INVALID'));
  });

  it('changing the password with a wrong old one changes nothing and ends no token', async () => {
    const shopper = app.shopper();
    const { token, username, password } = await shopper.register();

    expect(await change(shopper, token, newPassword(), newPassword())).toMatchObject(
      refused('PASSWORD_INVALID'),
    );

    expect((await shopper.get('/user/', token)).status).toBe(200);
    expect((await login(username, password)).status).toBe(200);
  });

  it('changing the password needs a login', async () => {
    const { password } = await app.shopper().register();
    const body = { old_password: password, new_password: newPassword() };

    expect(await app.shopper().send('/user/password/', { method: 'PUT', body })).toMatchObject(
      refused('LOGIN_REQUIRED', 401),
    );
  });

  it('of two simultaneous changes with the same old password, one succeeds and one is refused', async () => {
    const shopper = app.shopper();
    const { token, username, password } = await shopper.register();
    const wishes = await atOnce(5, async () => newPassword());

    const answers = await Promise.all(wishes.map((wish) => change(shopper, token, password, wish)));

    const good = answers.flatMap(({ status }, index) => (status === 200 ? [wishes[index]!] : []));
    expect(good).toHaveLength(1);
    expect((await login(username, good[0]!)).status).toBe(200);
  });
});

describe('a new password', () => {
  const routes: [
    string,
    string,
    (shopper: Shopper, owner: Registered, password: string) => Promise<Answer>,
  ][] = [
    [
      'changing',
      'new_password',
      (shopper, owner, password) => change(shopper, owner.token, owner.password, password),
    ],
    ['forgetting', 'password', (shopper, { mobile }, password) => reset(shopper, mobile, password)],
    [
      'binding',
      'password',
      async (shopper, _, password) => shopper.bind(await shopper.bindForm({ password })),
    ],
    [
      'registering',
      'password',
      async (shopper, _, password) => {
        const mobile = newMobile();
        const sms_code = await shopper.smsCode(mobile);
        return shopper.post('/users/', { username: `u_${mobile}`, mobile, password, sms_code });
      },
    ],
  ];

  it.each(routes)(
    'a new password by %s: a common one is refused, with a sentence under its field',
    async (_, field, route) => {
      const shopper = app.shopper();
      const owner = await shopper.register();

      for (const common of ['password1', 'PASSWORD1', '1234567890']) {
        const { status, body } = await route(shopper, owner, common);
        expect({ status, ...body }).toMatchObject({ status: 400, errorCode: 'REQUEST_INVALID' });
        expect(body.errors?.[field]).toEqual([body.message]);
      }
      expect((await shopper.get('/user/', owner.token)).status).toBe(200);
    },
  );

  it.each(routes)(
    'a new password by %s: 8 to 20 characters, counted as code points',
    async (_, field, route) => {
      const shopper = app.shopper();
      const owner = await shopper.register();

      for (const wrong of ['short-7', 'x'.repeat(21), '\0'.repeat(9), '\ud800abcdefgh'])
        expect((await route(shopper, owner, wrong)).body.errors).toHaveProperty(field);
      expect((await route(shopper, owner, '😀'.repeat(20))).status).toBeLessThan(300);
    },
  );

  it("a new password may not be the account's own mobile", async () => {
    const shopper = app.shopper();
    const owner = await shopper.register();

    const { body } = await change(shopper, owner.token, owner.password, `a${owner.mobile}`);

    expect(body.errors).toHaveProperty('new_password');
  });

  it("a new password is stored in Django's format, so that the old shop can read it", async () => {
    const { id, password } = await app.shopper().register();

    const encoded = await encodedOf(id);

    expect(encoded).toMatch(/^bcrypt_sha256\$\$2b\$04\$/);
    const hex = createHash('sha256').update(password).digest('hex');
    expect(await bcrypt.compare(hex, encoded.replace('bcrypt_sha256$', ''))).toBe(true);
  });
});

describe('a forgotten password', () => {
  it('a forgotten password is replaced by the owner of the phone, and nobody is logged in by it', async () => {
    const shopper = app.shopper();
    const owner = await shopper.register();
    const fresh = newPassword();

    const answer = await reset(shopper, owner.mobile, fresh);

    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('token');
    expect((await login(owner.username, fresh)).body.user_id).toBe(owner.id);
    expect((await shopper.get('/user/', owner.token)).status).toBe(401);
  });

  it('resetting the password of a mobile without an account opens none', async () => {
    const shopper = app.shopper();
    const [mobile, password] = [newMobile(), newPassword()];

    expect((await reset(shopper, mobile, password)).status).toBe(200);

    expect(await login(mobile, password)).toMatchObject(refused('CREDENTIALS_INVALID'));
    expect(await app.dataSource.getRepository(User).countBy({ mobile })).toBe(0);
  });

  it('of five simultaneous resets with one code, one sets the password', async () => {
    const shopper = app.shopper();
    const { mobile } = await shopper.register();
    await forgetLimit(app, 'sms-per-mobile-minute', mobile);
    const sms_code = await shopper.smsCode(mobile);
    const wishes = await atOnce(5, async () => newPassword());

    const answers = await Promise.all(
      wishes.map((password) => shopper.post('/user/password/', { mobile, sms_code, password })),
    );

    expect(tally(answers)).toEqual({ 200: 1, SMS_CODE_INVALID: 4 });
    const winner = wishes[answers.findIndex(({ status }) => status === 200)]!;
    expect((await login(mobile, winner)).status).toBe(200);
  });
});

describe("a password of the old shop's", () => {
  const formats: [string, string | (() => Promise<string>)][] = [
    ['pbkdf2_sha256', OLD_PASSWORD.encoded],
    [
      'pbkdf2_sha1',
      `pbkdf2_sha1$20000$salt$${pbkdf2Sync(OLD_PASSWORD.plain, 'salt', 20_000, 20, 'sha1').toString('base64')}`,
    ],
    ['argon2id', async () => `argon2${await argon2.hash(OLD_PASSWORD.plain, { memoryCost: 512 })}`],
    ['bcrypt', async () => `bcrypt$${await bcrypt.hash(OLD_PASSWORD.plain, 4)}`],
    ['plain $2b$', async () => bcrypt.hash(OLD_PASSWORD.plain, 4)],
    ['plain $2y$', async () => (await bcrypt.hash(OLD_PASSWORD.plain, 4)).replace('$2b$', '$2y$')],
  ];

  it.each(formats)(
    "an old shop's password logs in, and is then stored in the stronger format: %s",
    async (_, encoded) => {
      const account = await oldAccount(app, {
        password: typeof encoded === 'string' ? encoded : await encoded(),
      });

      expect((await login(account.username, OLD_PASSWORD.plain)).body.user_id).toBe(account.id);

      // Renewed after the answer.
      await expect.poll(() => encodedOf(account.id)).toMatch(/^bcrypt_sha256\$\$2b\$04\$/);
      expect((await login(account.username, OLD_PASSWORD.plain)).status).toBe(200);
      expect(await login(account.username, `${OLD_PASSWORD.plain}x`)).toMatchObject(
        refused('CREDENTIALS_INVALID'),
      );
    },
  );

  it.each(formats)("an old shop's password stays as it is after a wrong one: %s", async (_, given) => {
    const encoded = typeof given === 'string' ? given : await given();
    const account = await oldAccount(app, { password: encoded });

    expect(await login(account.username, newPassword())).toMatchObject(refused('CREDENTIALS_INVALID'));

    expect(await encodedOf(account.id)).toBe(encoded);
  });

  it.each([
    '!',
    '!aB3dE',
    '',
    'mysecret12',
    'md5$a$b',
    'pbkdf2_sha256$',
    'pbkdf2_sha256$1$s$',
    'pbkdf2_sha256$abc$salt$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
    'pbkdf2_sha256$1000000000$salt$eNF3Dcx9vS/JBXQWYaYIiVEhB0lDv5ijhhkLwec084M=',
    'bcrypt$',
    '$2b$',
    'bcrypt_sha256$$2b$04$',
    `bcrypt_sha256$$2b$17$${'a'.repeat(53)}`,
    'argon2$argon2id$v=19$m=4194304,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw',
  ])('a malformed stored password matches nothing: %j', async (encoded) => {
    const { username } = await oldAccount(app, { password: encoded });

    for (const guess of [encoded || 'x', OLD_PASSWORD.plain])
      expect(await login(username, guess)).toMatchObject(refused('CREDENTIALS_INVALID'));
  });

  it.each([1, 7, 28, 128])(
    'of %i characters logs in, binds and confirms: it is only compared',
    async (length) => {
      const password = 'p'.repeat(length);
      const encoded = `pbkdf2_sha256$1$salt$${pbkdf2Sync(password, 'salt', 1, 32, 'sha256').toString('base64')}`;
      const { id, username, mobile } = await oldAccount(app, { password: encoded });
      const shopper = app.shopper();

      const token = (await login(username, password)).body.token;
      const bound = await shopper.bind(await shopper.bindForm({ mobile, password }));

      expect(bound).toMatchObject({ status: 200, body: { user_id: id } });
      const body = { old_password: password, new_password: newPassword() };
      expect((await shopper.send('/user/password/', { method: 'PUT', token, body })).status).toBe(200);
    },
  );

  it.each([7, 21, 28])(
    'a password of %i characters is refused for a new account, by a bind too',
    async (length) => {
      const shopper = app.shopper();

      const answer = await shopper.bind(
        await shopper.bindForm({ password: 'Xy-'.repeat(10).slice(0, length) }),
      );

      expect(answer).toMatchObject(refused('REQUEST_INVALID'));
      expect(answer.body.errors).toHaveProperty('password');
    },
  );

  it("an old shop's password binds a QQ like any other", async () => {
    const { id, mobile } = await oldAccount(app, { password: OLD_PASSWORD.encoded });
    const shopper = app.shopper();

    const bound = await shopper.bind(await shopper.bindForm({ mobile, password: OLD_PASSWORD.plain }));

    expect(bound).toMatchObject({ status: 200, body: { user_id: id } });
  });
});
