import { randomUUID } from 'node:crypto';
import bcrypt from 'bcrypt';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SPEND } from '../../src/sms/sms-code-store.js';
import { openidOf } from '../../sandbox/people.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { type Answer, newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import {
  atOnce,
  claimsOf,
  counted,
  forgetLimit,
  oldAccount,
  OLD_PASSWORD,
  tally,
} from '../support/fixtures.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const users = () => app.dataSource.getRepository(User);
const bindings = () => app.dataSource.getRepository(OAuthQQUser);
const won = (answers: readonly Answer[]) => answers.filter(({ status }) => status < 300);
const login = (shopper: Shopper, username: string, password: string) =>
  shopper.post('/authorizations/', { username, password });

/** Fifty browsers that have logged in to fifty QQs. */
async function fiftyBrowsers(): Promise<{ shopper: Shopper; access_token: string; qq: string }[]> {
  return atOnce(50, async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    return { shopper, qq, access_token: await shopper.bindToken(qq) };
  });
}

describe('one SMS code and fifty bind tokens at once', () => {
  it('fifty binds with one code for a new mobile: one wins, with one account and one binding', async () => {
    const browsers = await fiftyBrowsers();
    const [mobile, password] = [newMobile(), newPassword()];
    const sms_code = await app.shopper().smsCode(mobile);

    const answers = await Promise.all(
      browsers.map(({ shopper, access_token }) => shopper.bind({ mobile, password, sms_code, access_token })),
    );

    expect(won(answers)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    const [account] = await users().findBy({ mobile });
    expect(won(answers)[0]!.body.user_id).toBe(account!.id);
    expect(await bindings().countBy({ userId: account!.id })).toBe(1);
  });

  it('fifty binds with one code for an existing account: one wins, with one binding', async () => {
    const browsers = await fiftyBrowsers();
    const { id, mobile, password } = await app.shopper().register();
    await forgetLimit(app, 'sms-per-mobile-minute', mobile);
    const sms_code = await app.shopper().smsCode(mobile);

    const answers = await Promise.all(
      browsers.map(({ shopper, access_token }) => shopper.bind({ mobile, password, sms_code, access_token })),
    );

    expect(won(answers)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    expect(await bindings().countBy({ userId: id })).toBe(1);
    expect(await app.redis.exists(`sms_${mobile}`)).toBe(0);
  });

  it('a bind that lost the race for one code can be repeated with a new code', async () => {
    const browsers = (await fiftyBrowsers()).slice(0, 4);
    const { mobile, password } = await app.shopper().register();
    await forgetLimit(app, 'sms-per-mobile-minute', mobile);
    const sms_code = await app.shopper().smsCode(mobile);
    const answers = await Promise.all(
      browsers.map(({ shopper, access_token }) => shopper.bind({ mobile, password, sms_code, access_token })),
    );
    const { shopper, access_token } = browsers[answers.findIndex(({ status }) => status !== 200)]!;

    expect((await shopper.bind(await shopper.bindForm({ access_token }))).status).toBe(200);
  });
});

describe('one bind token and fifty mobiles at once', () => {
  it('one bind token with fifty mobiles at once: one bind succeeds, and the other codes are not spent', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const access_token = await shopper.bindToken(qq);
    const forms = await atOnce(50, async () => {
      const mobile = newMobile();
      return { mobile, password: newPassword(), sms_code: await app.shopper().smsCode(mobile), access_token };
    });

    const answers = await Promise.all(forms.map((form) => shopper.bind(form)));

    expect(won(answers)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    // The token's limit lets ten through, unless the first success comes before: from then on the token is refused as
    // used, and not counted.
    const passed = await counted(app, 'binds-per-token', String(claimsOf(access_token).jti));
    const { TOO_MANY_REQUESTS = 0, BIND_TOKEN_INVALID = 0 } = tally(answers);
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThanOrEqual(10);
    expect(passed === 10 || TOO_MANY_REQUESTS === 0).toBe(true);
    expect(TOO_MANY_REQUESTS + BIND_TOKEN_INVALID).toBeGreaterThanOrEqual(50 - passed);
    const openid = openidOf(app.config.QQ_APP_ID, qq);
    expect(await bindings().countBy({ openid })).toBe(1);
    let [accounts, codes] = [0, 0];
    for (const { mobile } of forms) {
      accounts += await users().countBy({ mobile });
      codes += await app.redis.exists(`sms_${mobile}`);
    }
    expect(accounts).toBe(1);
    expect(codes).toBe(49);
  });
});

describe('two browsers with one QQ', () => {
  it('two browsers with one QQ and two mobiles: one wins, and the other may bind another QQ with its code', async () => {
    const qq = newQq();
    const browsers = [app.shopper(), app.shopper()] as const;
    const forms = [await browsers[0].bindForm({ qq }), await browsers[1].bindForm({ qq })] as const;

    const answers = await Promise.all([browsers[0].bind(forms[0]), browsers[1].bind(forms[1])]);

    expect(tally(answers)).toEqual({ 200: 1, QQ_ALREADY_BOUND: 1 });
    const loser = answers[0].status === 200 ? 1 : 0;
    expect(await users().countBy({ mobile: forms[loser].mobile })).toBe(0);
    const access_token = await browsers[loser].bindToken();
    expect((await browsers[loser].bind({ ...forms[loser], access_token })).status).toBe(200);
  });

  it('two browsers with one QQ, one mobile and one code: one account, one binding', async () => {
    const [qq, mobile, password] = [newQq(), newMobile(), newPassword()];
    const browsers = [app.shopper(), app.shopper()];
    const sms_code = await app.shopper().smsCode(mobile);
    const tokens = await Promise.all(browsers.map((browser) => browser.bindToken(qq)));

    const answers = await Promise.all(
      browsers.map((browser, index) =>
        browser.bind({ mobile, password, sms_code, access_token: tokens[index] }),
      ),
    );

    expect(won(answers)).toHaveLength(1);
    expect(await users().countBy({ mobile })).toBe(1);
    expect(await bindings().countBy({ userId: won(answers)[0]!.body.user_id })).toBe(1);
  });
});

describe('a mobile that is registered while it is bound', () => {
  it.each([1, 2, 3, 4, 5])(
    'a mobile that is registered and bound at the same time gets one account (%i)',
    async () => {
      const [shopper, mobile] = [app.shopper(), newMobile()];
      const access_token = await shopper.bindToken();
      const sms_code = await shopper.smsCode(mobile);
      const password = newPassword();

      const answers = await Promise.all([
        shopper.bind({ mobile, password, sms_code, access_token }),
        shopper.post('/users/', { username: newName(), mobile, password, sms_code }),
      ]);

      expect(won(answers)).toHaveLength(1);
      expect(['MOBILE_TAKEN', 'SMS_CODE_INVALID']).toContain(
        answers.find(({ status }) => status >= 300)!.body.errorCode,
      );
      const found = await users().findBy({ mobile });
      expect(found).toHaveLength(1);
      expect(await bindings().countBy({ userId: found[0]!.id })).toBe(answers[0].status === 200 ? 1 : 0);
    },
  );

  it('of two who register one username at once, one gets it, and the other keeps the code', async () => {
    const username = newName();
    const forms = await atOnce(2, async () => {
      const mobile = newMobile();
      return { username, mobile, password: newPassword(), sms_code: await app.shopper().smsCode(mobile) };
    });

    const answers = await Promise.all(forms.map((form) => app.shopper().post('/users/', form)));

    expect(tally(answers)).toEqual({ 201: 1, USERNAME_TAKEN: 1 });
    const loser = forms[answers.findIndex(({ status }) => status !== 201)]!;
    expect((await app.shopper().post('/users/', { ...loser, username: newName() })).status).toBe(201);
  });
});

describe('logging in while the credentials change', () => {
  const tokensOf = (answers: readonly Answer[]) => won(answers).flatMap(({ body }) => body.token ?? []);
  const dead = async (tokens: readonly string[]) => {
    for (const token of tokens) expect((await app.shopper().get('/user/', token)).status).toBe(401);
  };

  it('a login with the old password during its change does not stay valid', async () => {
    const owner = app.shopper();
    const { token, username, password } = await owner.register();
    const body = { old_password: password, new_password: newPassword() };

    const [changed, ...answers] = await Promise.all([
      owner.send('/user/password/', { method: 'PUT', token, body }),
      ...Array.from({ length: 12 }, () => login(app.shopper(), username, password)),
    ]);

    expect(changed.status).toBe(200);
    await dead(tokensOf(answers));
    expect((await login(app.shopper(), username, body.new_password)).status).toBe(200);
  });

  it('a login whose password is being compared while the account signs out everywhere does not stay valid', async () => {
    const owner = app.shopper();
    const { token, username, password } = await owner.register();
    let goOn = (): void => undefined;
    const signedOut = new Promise<void>((resolve) => (goOn = resolve));
    const compare = vi
      .spyOn(bcrypt, 'compare')
      .mockReturnValueOnce(signedOut.then(() => true) as unknown as void);
    const slow = login(app.shopper(), username, password);
    await vi.waitUntil(() => compare.mock.calls.length > 0);

    await owner.send('/authorizations/all/', { method: 'DELETE', token });
    goOn();
    compare.mockRestore();

    const answer = await slow;
    expect(answer.status).toBe(200);
    await dead([answer.body.token]);
  });

  it('a login with a QQ during its unbinding does not stay valid', async () => {
    const [owner, qq] = [app.shopper(), newQq()];
    const form = await owner.bindForm({ qq });
    const { token } = (await owner.bind(form)).body;
    const [binding] = (await owner.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];
    const body = { password: form.password };

    const [unbound, ...answers] = await Promise.all([
      owner.send(`/oauth/qq/bindings/${binding!.id}/`, { method: 'DELETE', token, body }),
      ...Array.from({ length: 12 }, () => app.shopper().loginWithQq(qq)),
    ]);

    expect(unbound.status).toBe(204);
    await dead(tokensOf(answers));
  });

  it('a login that renews an old hash during a change of the password does not restore the old password', async () => {
    const owner = app.shopper();
    const { username } = await oldAccount(app, { password: OLD_PASSWORD.encoded });
    const { token } = (await login(owner, username, OLD_PASSWORD.plain)).body;
    await users().update({ username }, { password: OLD_PASSWORD.encoded });
    const fresh = newPassword();
    const body = { old_password: OLD_PASSWORD.plain, new_password: fresh };
    const change = () => owner.send('/user/password/', { method: 'PUT', token, body });

    const [changed] = await Promise.all([
      change(),
      ...Array.from({ length: 6 }, () => login(app.shopper(), username, OLD_PASSWORD.plain)),
    ]);

    // If the renewal came first, the change has to be asked for again.
    if (changed.status !== 200) expect((await change()).status).toBe(200);
    expect((await login(app.shopper(), username, fresh)).status).toBe(200);
    expect((await login(app.shopper(), username, OLD_PASSWORD.plain)).status).toBe(400);
  });
});

describe('a limit, with fifty requests at once', () => {
  let limited: App;

  beforeAll(async () => {
    const rules = ['pictures', 'starts', 'callbacks', 'binds', 'registrations', 'resets'];
    limited = await startApp({
      beside: app,
      env: { LIMITS: rules.map((rule) => `${rule}-per-ip=7/60`).join() },
    });
  });

  afterAll(() => limited.close());

  const form = {
    mobile: '13800138000',
    password: 'not-so-common-1',
    sms_code: '000000',
    username: 'shopper_1',
    access_token: 'x',
  };
  const requests: [string, (shopper: Shopper) => Promise<Answer>][] = [
    ['pictures', (shopper) => shopper.get(`/image_codes/${randomUUID()}/`)],
    ['starts', (shopper) => shopper.get('/oauth/qq/authorization/?next=/')],
    ['callbacks', (shopper) => shopper.get('/oauth/qq/users/?code=x&state=x')],
    ['registrations', (shopper) => shopper.post('/users/', { ...form, mobile: newMobile() })],
    ['resets', (shopper) => shopper.post('/user/password/', { ...form, mobile: newMobile() })],
  ];

  it.each(requests)(
    'fifty simultaneous requests: exactly the allowed number pass the limit %s',
    async (_, request) => {
      const shopper = limited.shopper();

      const answers = await atOnce(50, () => request(shopper));

      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(43);
      for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await request(limited.shopper())).status).not.toBe(429);
    },
  );

  it('fifty simultaneous binds: exactly the allowed number pass', async () => {
    const shopper = limited.shopper();
    const tokens: string[] = [];
    for (let nth = 0; nth < 7; nth++) tokens.push(await shopper.bindToken());

    const answers = await atOnce(50, (index) =>
      shopper.bind({ ...form, mobile: newMobile(), access_token: tokens[index % 7] }),
    );

    expect(tally(answers)).toEqual({ SMS_CODE_INVALID: 7, TOO_MANY_REQUESTS: 43 });
  });
});

describe('a QQ that was unbound', () => {
  it('an older bind token does not bind an unbound QQ, even after a later bind failed at its last step', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const used = await shopper.bindForm({ qq });
    const { token } = (await shopper.bind(used)).body;
    const [binding] = (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];
    const body = { password: used.password };
    await shopper.send(`/oauth/qq/bindings/${binding!.id}/`, { method: 'DELETE', token, body });
    const later = await shopper.bindForm({ qq });
    // Another request spends the code between its check and its spend.
    const spend = SPEND.run.bind(SPEND);
    const rival = vi.spyOn(SPEND, 'run').mockImplementation(async (...command) => {
      await app.redis.del(`sms_${later.mobile}`);
      return spend(...command);
    });
    const failed = await shopper.bind(later);
    rival.mockRestore();
    expect(failed.body.errorCode).toBe('SMS_CODE_INVALID');

    const again = await shopper.bindForm({ access_token: used.access_token });

    expect((await shopper.bind(again)).body.errorCode).toBe('BIND_TOKEN_INVALID');
  });
});
