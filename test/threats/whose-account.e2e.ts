import bcrypt from 'bcrypt';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nicknameOf } from '../../sandbox/people.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { Problem } from '../../src/common/problem.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';
import { User } from '../../src/users/user.entity.js';
import {
  type Answer,
  newMobile,
  newName,
  newPassword,
  newQq,
  type Registered,
  type Shopper,
} from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import {
  alreadyCounted,
  atOnce,
  counted,
  forgetLimit,
  oldAccount,
  OLD_PASSWORD,
  tally,
  writtenCode,
} from '../support/fixtures.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });
const aMinuteLater = (mobile: string) => forgetLimit(app, 'sms-per-mobile-minute', mobile);
const bindingsOf = (userId: number) => app.dataSource.getRepository(OAuthQQUser).countBy({ userId });
const login = (shopper: Shopper, username: string, password: string) =>
  shopper.post('/authorizations/', { username, password });
const guess = (shopper: Shopper, username: string) => login(shopper, username, newPassword());
const disable = ({ id }: { id: number }) =>
  app.dataSource.getRepository(User).update({ id }, { isActive: false });

describe('binding to an account that exists', () => {
  it('binding to an existing account with the phone alone is refused', async () => {
    const owner = await app.shopper().register();
    const thief = app.shopper();
    await aMinuteLater(owner.mobile);
    const form = await thief.bindForm({ mobile: owner.mobile });

    expect(await thief.bind(form)).toMatchObject(refused('PASSWORD_INVALID'));
    expect(await bindingsOf(owner.id)).toBe(0);
  });

  it('binding to an existing account with the password alone is refused', async () => {
    const owner = await app.shopper().register();
    const thief = app.shopper();
    await aMinuteLater(owner.mobile);
    await app.shopper().smsCode(owner.mobile);
    const form = await thief.bindForm({ ...owner, sms_code: '000000' });

    expect(await thief.bind(form)).toMatchObject(refused('SMS_CODE_INVALID'));
    expect(await bindingsOf(owner.id)).toBe(0);
  });

  it('binding with the phone and the password of two different accounts is refused', async () => {
    const [victim, own] = [await app.shopper().register(), await app.shopper().register()];
    const thief = app.shopper();
    await aMinuteLater(own.mobile);
    const form = await thief.bindForm({ mobile: own.mobile, password: own.password });

    expect(await thief.bind({ ...form, mobile: victim.mobile, password: victim.password })).toMatchObject(
      refused('SMS_CODE_INVALID'),
    );
  });

  it("a QQ whose nickname or number equals an account's username is not merged with it", async () => {
    const [byNickname, byMobile] = [newQq(), newQq()];
    await oldAccount(app, { username: nicknameOf(byNickname) });
    await oldAccount(app, { username: byMobile });

    for (const qq of [byNickname, byMobile]) {
      const { body } = await app.shopper().loginWithQq(qq);
      expect(body).not.toHaveProperty('user_id');
      expect(body).toHaveProperty('access_token');
    }
  });

  it("a QQ whose number equals an account's mobile is not merged with it", async () => {
    const { mobile } = await app.shopper().register();

    const { body } = await app.shopper().loginWithQq(mobile);

    expect(body).not.toHaveProperty('user_id');
  });

  it('an account that was registered with a stolen password still needs the phone for a bind', async () => {
    // Pre-hijacking: the attacker prepares an account before the victim comes. Without the phone that is impossible.
    const [attacker, victim] = [app.shopper(), app.shopper()];
    const mobile = newMobile();
    const prepared = await attacker.bindForm({ mobile, sms_code: '000000' });
    expect((await attacker.bind(prepared)).status).toBe(400);
    const registering = { username: newName(), mobile, password: newPassword(), sms_code: '000000' };
    expect((await attacker.post('/users/', registering)).status).toBe(400);

    expect(await victim.bind(await victim.bindForm({ mobile }))).toMatchObject({ status: 200 });
  });
});

describe('guessing a password', () => {
  it('ten failures in a quarter hour from one address refuse even the right password there, but not elsewhere', async () => {
    const owner = await app.shopper().register();
    const attacker = app.shopper();

    for (let nth = 0; nth < 10; nth++)
      expect(await guess(attacker, owner.username)).toMatchObject(refused('CREDENTIALS_INVALID'));

    const late = await login(attacker, owner.username, owner.password);
    expect(late).toMatchObject(refused('TOO_MANY_REQUESTS', 429));
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(Number(late.headers.get('retry-after'))).toBeLessThanOrEqual(900);
    expect((await login(app.shopper(), owner.username, owner.password)).status).toBe(200);
  });

  it('of fifty simultaneous guesses, ten are compared', async () => {
    const owner = await app.shopper().register();
    const attacker = app.shopper();

    const answers = await atOnce(50, () => guess(attacker, owner.username));

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 40 });
  });

  it('guesses count together however the username is spelt', async () => {
    const owner = await app.shopper().register({ username: `aEo_${newName()}` });
    const { username, mobile } = owner;
    const spellings = [username, username.toUpperCase(), username.toLowerCase(), mobile];
    // The shop's database compares these as the same name. SQLite does not, and finds no account.
    if (!app.backends.embedded) spellings.push(`${username} `, username.replace('aEo', 'áÉö'));
    const attacker = app.shopper();

    const answers: Answer[] = [];
    for (let nth = 0; nth < 15; nth++)
      answers.push(await guess(attacker, spellings[nth % spellings.length]!));

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 5 });
  });

  it('guesses count together on every route that asks for the password', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { token, user_id } = (await shopper.bind(form)).body;
    const access_token = await shopper.bindToken();
    const routes: (() => Promise<Answer>)[] = [
      () => guess(shopper, form.mobile),
      () =>
        shopper.send('/user/password/', {
          method: 'PUT',
          body: { old_password: newPassword(), new_password: newPassword() },
          token,
        }),
      () =>
        shopper.send('/oauth/qq/bindings/1/', { method: 'DELETE', body: { password: newPassword() }, token }),
      async () => {
        const sms_code = await writtenCode(app, form.mobile);
        return shopper.post(
          '/oauth/qq/bindings/',
          { access_token, password: newPassword(), sms_code },
          token,
        );
      },
    ];

    const answers: Answer[] = [];
    for (let nth = 0; nth < 12; nth++) answers.push(await routes[nth % routes.length]!());

    expect(tally(answers.slice(0, 10))).toEqual({ CREDENTIALS_INVALID: 3, PASSWORD_INVALID: 7 });
    for (const route of routes) expect(await route()).toMatchObject(refused('TOO_MANY_REQUESTS', 429));
    expect(await bindingsOf(user_id)).toBe(1);
  });

  it('after a hundred guesses an hour from anywhere, password logins are refused, and QQ and SMS still work', async () => {
    const [owner, qq] = [app.shopper(), newQq()];
    const form = await owner.bindForm({ qq });
    const { user_id } = (await owner.bind(form)).body;
    await alreadyCounted(app, 'login-failures-per-account', user_id, 90, 3600);

    const answers = await atOnce(15, () => guess(app.shopper(), form.mobile));

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 5 });
    const shut = await login(owner, form.mobile, form.password);
    expect(shut).toMatchObject(refused('TOO_MANY_REQUESTS', 429));
    expect(Number(shut.headers.get('retry-after'))).toBeGreaterThan(3500);
    expect((await app.shopper().loginWithQq(qq)).body.user_id).toBe(user_id);
    await aMinuteLater(form.mobile);
    const sms_code = await owner.smsCode(form.mobile);
    const reset = await owner.post('/user/password/', {
      mobile: form.mobile,
      sms_code,
      password: newPassword(),
    });
    expect(reset.status).toBe(200);
  });

  it('ninety failures elsewhere do not affect the owner, whose own logins do not count', async () => {
    const owner = await app.shopper().register();
    const home = app.shopper();
    await alreadyCounted(app, 'login-failures-per-account', owner.id, 90);

    for (let nth = 0; nth < 15; nth++)
      expect((await login(home, owner.username, owner.password)).status).toBe(200);

    expect(await counted(app, 'login-failures-per-account', owner.id)).toBe(90);
    expect(await counted(app, 'login-failures-per-ip', home.address)).toBe(0);
  });

  it('one address has a hundred guesses in a quarter hour, for any accounts', async () => {
    const attacker = app.shopper();

    await alreadyCounted(app, 'login-failures-per-ip', attacker.address, 90);

    const answers = await atOnce(15, () => guess(attacker, newName()));

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 5 });
  });

  it('refusals for one account do not refuse its address for all others', async () => {
    const [victim, neighbour] = [await app.shopper().register(), await app.shopper().register()];
    const attacker = app.shopper();

    await alreadyCounted(app, 'login-failures-per-account-and-ip', `${victim.id}@${attacker.address}`, 10);

    expect(tally(await atOnce(5, () => guess(attacker, victim.username)))).toEqual({ TOO_MANY_REQUESTS: 5 });

    expect(await counted(app, 'login-failures-per-ip', attacker.address)).toBe(0);
    expect((await login(attacker, neighbour.username, neighbour.password)).status).toBe(200);
  });

  it('a hundred and twenty refused simultaneous guesses never count for the account, not even for a moment', async () => {
    const [owner, attacker] = [await app.shopper().register(), app.shopper()];
    const pair = `${owner.id}@${attacker.address}`;
    await alreadyCounted(app, 'login-failures-per-account-and-ip', pair, 10);

    // The owner's own request during the flood would be refused too.
    const watched = { flooding: true, most: 0 };
    const flood = atOnce(120, () => guess(attacker, owner.username)).finally(
      () => (watched.flooding = false),
    );
    while (watched.flooding) {
      const now = await counted(app, 'login-failures-per-account', owner.id);
      watched.most = Math.max(watched.most, now);
      // The in-process Redis answers without letting the flood continue.
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(tally(await flood)).toEqual({ TOO_MANY_REQUESTS: 120 });
    expect(watched.most).toBe(0);
  });

  it('a successful login does not reset the count', async () => {
    const [victim, attacker] = [await app.shopper().register(), app.shopper()];
    for (let nth = 0; nth < 9; nth++) await guess(attacker, victim.username);
    expect((await login(attacker, victim.username, victim.password)).status).toBe(200);

    expect(await guess(attacker, victim.username)).toMatchObject(refused('CREDENTIALS_INVALID'));
    expect(await guess(attacker, victim.username)).toMatchObject(refused('TOO_MANY_REQUESTS', 429));
  });

  it('an unknown username is limited in the same way, so that the limit reveals nothing', async () => {
    const nobody = newName();
    const attacker = app.shopper();
    const spellings = [nobody, nobody.toUpperCase(), `${nobody} `];

    const answers: Answer[] = [];
    for (let nth = 0; nth < 12; nth++) answers.push(await guess(attacker, spellings[nth % 3]!));

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 2 });
  });

  it("a forged X-Forwarded-For before the proxy's entry is not another address", async () => {
    const owner = await app.shopper().register();
    const { address } = app.shopper();

    const answers = await atOnce(30, (index) => {
      const shopper = app.shopper();
      shopper.address = `198.51.100.${index}, ${address}`;
      return guess(shopper, owner.username);
    });

    expect(tally(answers)).toEqual({ CREDENTIALS_INVALID: 10, TOO_MANY_REQUESTS: 20 });
  });
});

describe('finding out whose name exists', () => {
  /** How many bcrypts a login costs. */
  const hashesOf = async (work: () => Promise<unknown>): Promise<number> => {
    const spies = [vi.spyOn(bcrypt, 'hash'), vi.spyOn(bcrypt, 'compare')];
    try {
      await work();
      return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };

  it('an unknown name, a wrong password, a disabled account and an unusable password: one answer, one bcrypt', async () => {
    const [owner, closed] = [await app.shopper().register(), await app.shopper().register()];
    await disable(closed);
    const unusable = await oldAccount(app, { password: '!aB3' });
    const names = [newName(), newMobile(), owner.username, owner.mobile, closed.username, unusable.username];
    const texts = new Set<string>();

    for (const name of names) {
      const cost = await hashesOf(async () => {
        const answer = await guess(app.shopper(), name);
        expect(answer).toMatchObject(refused('CREDENTIALS_INVALID'));
        texts.add(answer.text);
      });
      expect(cost).toBe(1);
    }

    expect(texts.size).toBe(1);
  });

  it("a wrong password of the old shop's format costs one bcrypt more than its own few milliseconds", async () => {
    const old = await oldAccount(app, { password: OLD_PASSWORD.encoded });

    expect(await hashesOf(() => guess(app.shopper(), old.username))).toBe(1);
    expect((await login(app.shopper(), old.username, OLD_PASSWORD.plain)).status).toBe(200);
  });

  it('a limit that refuses costs no bcrypt', async () => {
    const owner = await app.shopper().register();
    const attacker = app.shopper();
    for (let nth = 0; nth < 10; nth++) await guess(attacker, owner.username);

    expect(await hashesOf(() => guess(attacker, owner.username))).toBe(0);
  });

  it('an unknown name takes as long as a wrong password', async () => {
    const service = await startApp({ beside: app, env: { BCRYPT_COST: '9' } });
    try {
      const owner = await service.shopper().register();
      const time = async (name: string) => {
        const shopper = service.shopper();
        const start = performance.now();
        await guess(shopper, name);
        return performance.now() - start;
      };
      const [wrong, unknown]: [number[], number[]] = [[], []];
      // Alternating, so that other work of this machine slows both.
      for (let nth = 0; nth < 11; nth++) {
        wrong.push(await time(owner.username));
        unknown.push(await time(newName()));
      }

      const ratio = median(unknown) / median(wrong);

      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    } finally {
      await service.close();
    }
  });

  it('resetting a password gives the same answer, one hash and a spent code, with or without an account', async () => {
    const owner = await app.shopper().register();
    await aMinuteLater(owner.mobile);
    const texts = new Set<string>();

    for (const mobile of [owner.mobile, newMobile()]) {
      const shopper = app.shopper();
      const sms_code = await shopper.smsCode(mobile);
      const form = { mobile, sms_code, password: newPassword() };
      expect(await hashesOf(async () => texts.add((await shopper.post('/user/password/', form)).text))).toBe(
        1,
      );
      expect(await shopper.post('/user/password/', form)).toMatchObject(refused('SMS_CODE_INVALID'));
    }

    expect(texts.size).toBe(1);
  });
});

describe('a disabled account', () => {
  let shopper: Shopper;
  let qq: string;
  let closed: Registered;

  beforeAll(async () => {
    shopper = app.shopper();
    qq = newQq();
    const form = await shopper.bindForm({ qq });
    const { body } = await shopper.bind(form);
    closed = { ...form, id: body.user_id, username: form.mobile, token: body.token };
    await disable(closed);
  });

  const left = (answer: Answer) => expect(answer.body).not.toHaveProperty('token');

  it('a disabled account gets no token for its password', async () => {
    const answer = await login(app.shopper(), closed.username, closed.password);

    expect(answer).toMatchObject(refused('ACCOUNT_DISABLED'));
    left(answer);
  });

  it('a disabled account gets no token for its QQ', async () => {
    const answer = await app.shopper().loginWithQq(qq);

    expect(answer).toMatchObject(refused('ACCOUNT_DISABLED'));
    left(answer);
    expect(answer.body).not.toHaveProperty('access_token');
  });

  it('a disabled account gets no token by binding another QQ to it, and does not change', async () => {
    const stranger = app.shopper();
    await aMinuteLater(closed.mobile);
    const form = await stranger.bindForm({ mobile: closed.mobile, password: closed.password });

    const answer = await stranger.bind(form);

    expect(answer).toMatchObject(refused('ACCOUNT_DISABLED'));
    left(answer);
    expect(await bindingsOf(closed.id)).toBe(1);
  });

  it('a disabled account gets no token by repeating a bind whose answer was lost', async () => {
    const other = app.shopper();
    const form = await other.bindForm();
    const { user_id } = (await other.bind(form)).body;
    await disable({ id: user_id });

    const again = await other.bind(form);

    expect(again.status).toBe(400);
    left(again);
  });

  it('a disabled account gets no new password by SMS, although the answer is the same', async () => {
    const stranger = app.shopper();
    await aMinuteLater(closed.mobile);
    const sms_code = await stranger.smsCode(closed.mobile);
    const before = await passwordOf(closed.id);

    const answer = await stranger.post('/user/password/', {
      mobile: closed.mobile,
      sms_code,
      password: newPassword(),
    });

    expect(answer.status).toBe(200);
    left(answer);
    expect(await passwordOf(closed.id)).toBe(before);
  });

  it.each([
    ['GET', '/user/', undefined],
    ['GET', '/user/events/', undefined],
    ['GET', '/oauth/qq/bindings/', undefined],
    ['POST', '/oauth/qq/bindings/', { access_token: 'x', password: 'x', sms_code: '000000' }],
    ['DELETE', '/oauth/qq/bindings/1/', { password: 'x' }],
    ['PUT', '/user/password/', { old_password: 'x', new_password: 'not-so-common-1' }],
    ['DELETE', '/authorizations/all/', undefined],
  ])('an older token of a disabled account is refused: %s %s', async (method, path, body) => {
    const { token, password } = closed;
    const access_token = path === '/oauth/qq/bindings/' && body ? await shopper.bindToken() : undefined;
    const filled = body && {
      ...body,
      ...('access_token' in body && { access_token, password }),
      ...('old_password' in body && { old_password: password }),
    };

    const answer = await shopper.send(path, { method, token, ...(filled && { body: filled }) });

    expect(answer).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });
});

describe('an account that is gone', () => {
  it('the token of a removed account is refused', async () => {
    const { id, token } = await app.shopper().register();
    await app.dataSource.getRepository(User).delete({ id });

    expect(await app.shopper().get('/user/', token)).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });
});

describe("a username that is another person's mobile", () => {
  it("a username that is another person's mobile cannot be registered", async () => {
    const attacker = app.shopper();
    const mobile = newMobile();
    const sms_code = await attacker.smsCode(mobile);
    const form = { username: newMobile(), mobile, password: newPassword(), sms_code };

    const answer = await attacker.post('/users/', form);

    expect(answer.body).toMatchObject({
      errorCode: 'REQUEST_INVALID',
      errors: { username: [expect.any(String)] },
    });
  });

  it('if old data has a username equal to a mobile, the bind of that mobile works, under another username', async () => {
    const mobile = newMobile();
    const squatter = await oldAccount(app, { username: mobile, password: OLD_PASSWORD.encoded });
    const shopper = app.shopper();
    const form = await shopper.bindForm({ mobile });

    const { status, body } = await shopper.bind(form);

    expect(status).toBe(200);
    expect(body.user_id).not.toBe(squatter.id);
    expect(body.username).toMatch(/^qq_[0-9a-f]{12}$/);
    // A name that is a mobile logs the mobile's owner in, not the account with that username.
    expect((await login(shopper, mobile, form.password)).body.user_id).toBe(body.user_id);
    expect(await login(app.shopper(), mobile, OLD_PASSWORD.plain)).toMatchObject(
      refused('CREDENTIALS_INVALID'),
    );
  });

  it('if old data has a username equal to a mobile, it logs in as long as no account has that mobile', async () => {
    const squatter = await oldAccount(app, { username: newMobile(), password: OLD_PASSWORD.encoded });

    const { body } = await login(app.shopper(), squatter.username, OLD_PASSWORD.plain);

    expect(body.user_id).toBe(squatter.id);
  });
});

describe("another person's account", () => {
  it("the bindings of another person's account are neither listed nor unbound", async () => {
    const [owner, thief] = [app.shopper(), app.shopper()];
    const { user_id, token } = (await owner.bind(await owner.bindForm())).body;
    const [binding] = (await owner.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];
    const own = await thief.register();

    const answer = await thief.send(`/oauth/qq/bindings/${binding!.id}/`, {
      method: 'DELETE',
      token: own.token,
      body: { password: own.password },
    });

    expect(answer).toMatchObject(refused('NOT_FOUND', 404));
    expect((await thief.get('/oauth/qq/bindings/', own.token)).text).toBe('[]');
    expect(await bindingsOf(user_id)).toBe(1);
    expect((await owner.get('/user/', token)).status).toBe(200);
  });
});

describe('after the owner has taken the account back', () => {
  const steps: [string, (shopper: Shopper, owner: Registered) => Promise<Answer>][] = [
    [
      'a new password',
      (shopper, { token, password }) =>
        shopper.send('/user/password/', {
          method: 'PUT',
          token,
          body: { old_password: password, new_password: newPassword() },
        }),
    ],
    [
      'a password set by SMS',
      async (shopper, { mobile }) => {
        await aMinuteLater(mobile);
        const sms_code = await shopper.smsCode(mobile);
        return shopper.post('/user/password/', { mobile, sms_code, password: newPassword() });
      },
    ],
    [
      'a QQ unbound',
      async (shopper, { token, password }) => {
        const [binding] = (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as {
          id: number;
        }[];
        return shopper.send(`/oauth/qq/bindings/${binding!.id}/`, {
          method: 'DELETE',
          token,
          body: { password },
        });
      },
    ],
    [
      'signing out everywhere',
      (shopper, { token }) => shopper.send('/authorizations/all/', { method: 'DELETE', token }),
    ],
  ];

  it.each(steps)("an intruder's tokens end when the owner recovers the account by %s", async (_, step) => {
    const [owner, thief, qq] = [app.shopper(), app.shopper(), newQq()];
    const form = await owner.bindForm({ qq });
    const { token, user_id } = (await owner.bind(form)).body;
    const stolen = [
      (await login(thief, form.mobile, form.password)).body.token,
      (await thief.loginWithQq(qq)).body.token,
    ];
    for (const one of stolen) expect((await thief.get('/user/', one)).status).toBe(200);

    const answer = await step(owner, { ...form, id: user_id, username: form.mobile, token });

    expect(answer.status).toBeLessThan(300);
    for (const one of [...stolen, token])
      expect(await thief.get('/user/', one)).toMatchObject(refused('LOGIN_REQUIRED', 401));
  });
});

async function passwordOf(id: number): Promise<string> {
  const { password } = await app.dataSource
    .getRepository(User)
    .findOneOrFail({ select: { password: true }, where: { id } });
  return password;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

describe("blocking another person's password logins", () => {
  it('requests that a full hash queue refuses do not count as failed logins', async () => {
    const owner = await app.shopper().register();
    const shopper = app.shopper();
    const matches = vi.spyOn(app.nest.get(PasswordHasher), 'matches');
    matches.mockRejectedValue(new Problem('OVERLOADED', { retryAfter: 1 }));
    try {
      for (let i = 0; i < 12; i += 1) {
        expect(await login(shopper, owner.username, owner.password)).toMatchObject(
          refused('OVERLOADED', 503),
        );
      }
    } finally {
      matches.mockRestore();
    }

    expect((await login(shopper, owner.username, owner.password)).status).toBe(200);
  });

  it('one address may check only so many right passwords a minute', async () => {
    const attacker = app.shopper();
    const own = await app.shopper().register();
    await alreadyCounted(app, 'password-checks-per-ip', attacker.address, 240);

    expect(await login(attacker, own.username, own.password)).toMatchObject(
      refused('TOO_MANY_REQUESTS', 429),
    );
    expect((await login(app.shopper(), own.username, own.password)).status).toBe(200);
  });
});

describe('a username with invisible characters', () => {
  it.each(['\u200b', '\u0001', '\u202e', '\ufeff', '\u{1f427}'])(
    'a username with invisible characters is refused: %j',
    async (unseen) => {
      const owner = await app.shopper().register();

      expect(await login(app.shopper(), owner.username + unseen, owner.password)).toMatchObject(
        refused('REQUEST_INVALID'),
      );
    },
  );
});
