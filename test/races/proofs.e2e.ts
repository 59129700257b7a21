import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { PasswordHasher } from '../../src/users/password-hasher.js';
import { User } from '../../src/users/user.entity.js';
import { writtenCode } from '../support/fixtures.js';
import {
  type Answer,
  type BindForm,
  newMobile,
  newPassword,
  newQq,
  type Shopper,
} from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

/** An account with one QQ, and the owner's browser. */
interface Owner extends BindForm {
  readonly shopper: Shopper;
  readonly token: string;
  readonly id: number;
  readonly qq: string;
}

async function owner(): Promise<Owner> {
  const [shopper, qq] = [app.shopper(), newQq()];
  const form = await shopper.bindForm({ qq });
  const { token, user_id: id } = (await shopper.bind(form)).body;
  return { ...form, shopper, token, id, qq };
}

const send = (shopper: Shopper, method: string, path: string, body: object, token?: string) =>
  shopper.send(path, { method, body, ...(token && { token }) });
const bindings = () => app.dataSource.getRepository(OAuthQQUser);
const firstBinding = async (id: number) => (await bindings().findOneByOrFail({ userId: id })).id;

/** `Promise.withResolvers`, which Node 20 does not have. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

/**
 * Starts a request, stops it after its password was found right, runs `change`, and lets it continue. So the proof is
 * older than the change, and the transaction is newer.
 */
async function overtaken(request: () => Promise<Answer>, change: () => Promise<unknown>): Promise<Answer> {
  const hasher = app.nest.get(PasswordHasher);
  const matches = hasher.matches.bind(hasher);
  const [reached, changed] = [gate(), gate()];
  const spy = vi.spyOn(hasher, 'matches').mockImplementationOnce(async (...args) => {
    const right = await matches(...args);
    reached.open();
    await changed.opened;
    return right;
  });
  try {
    const pending = request();
    await Promise.race([
      reached.opened,
      pending.then(({ status, text }) => Promise.reject(new Error(`Not stopped: ${status} ${text}`))),
    ]);
    await change();
    changed.open();
    return await pending;
  } finally {
    spy.mockRestore();
  }
}

/** Changes that the owner, or another service of the shop, makes in the meantime. */
const CHANGES = {
  'a reset of the password by SMS': async ({ mobile }: Owner) => {
    const body = { mobile, sms_code: await writtenCode(app, mobile), password: newPassword() };
    expect((await app.shopper().post('/user/password/', body)).status).toBe(200);
  },
  'a disabling': async ({ id }: Owner) =>
    app.dataSource.getRepository(User).update({ id }, { isActive: false }),
  'a change of the mobile by another service': async ({ id }: Owner) =>
    app.dataSource.getRepository(User).update({ id }, { mobile: newMobile() }),
  'a sign-out everywhere': async ({ token }: Owner) => {
    const answer = await send(app.shopper(), 'DELETE', '/authorizations/all/', {}, token);
    expect(answer.status).toBe(204);
  },
};
type Change = keyof typeof CHANGES;

describe('a bind whose password was right', () => {
  it.each<[Change, string]>([
    ['a reset of the password by SMS', 'PASSWORD_INVALID'],
    ['a disabling', 'ACCOUNT_DISABLED'],
    ['a change of the mobile by another service', 'SMS_CODE_INVALID'],
  ])('a bind with a right password does not outlive %s', async (change, errorCode) => {
    const victim = await owner();
    const [thief, qq] = [app.shopper(), newQq()];
    const { mobile, password } = victim;
    const form = await thief.bindForm({ qq, mobile, password, sms_code: await writtenCode(app, mobile) });

    const answer = await overtaken(
      () => thief.bind(form),
      () => CHANGES[change](victim),
    );

    expect(answer).toMatchObject({ status: 400, body: { errorCode } });
    expect((await app.shopper().loginWithQq(qq)).body).not.toHaveProperty('user_id');
    expect(await bindings().countBy({ userId: victim.id })).toBe(1);
  });

  it('a bind with a right password does not undo an unbinding', async () => {
    const victim = await owner();
    const { shopper, mobile, password, token, id } = victim;
    await bindings().delete({ userId: id });
    const [first, second] = [await shopper.bindToken(victim.qq), await shopper.bindToken(victim.qq)];
    const bind = async (access_token: string) =>
      shopper.bind({ mobile, password, access_token, sms_code: await writtenCode(app, mobile) });
    expect((await bind(first)).status).toBe(200);
    const binding = await firstBinding(id);

    const answer = await overtaken(
      () => bind(second),
      async () => {
        const unbound = await send(shopper, 'DELETE', `/oauth/qq/bindings/${binding}/`, { password }, token);
        expect(unbound.status).toBe(204);
        // The thief's code. The unbinding did not use it.
        await app.redis.expire(`sms_${mobile}`, 300);
      },
    );

    expect(answer).toMatchObject({ status: 400, body: { errorCode: 'BIND_TOKEN_INVALID' } });
    expect(await bindings().countBy({ userId: id })).toBe(0);
  });

  it('a bind with a right password outlives a renewal of the stored hash', async () => {
    const victim = await owner();
    const { shopper, mobile, password, id } = victim;
    const qq = newQq();
    const access_token = await shopper.bindToken(qq);
    const sms_code = await writtenCode(app, mobile);
    // A weaker encoding of the same password, as an old shop has it.
    const { default: bcrypt } = await import('bcrypt');
    const weak = `bcrypt$${await bcrypt.hash(password, 4)}`;
    const users = app.dataSource.getRepository(User);
    await users.update({ id }, { password: weak });

    const answer = await overtaken(
      () => shopper.bind({ mobile, password, access_token, sms_code }),
      async () => {
        await app.shopper().post('/authorizations/', { username: mobile, password });
        await expect.poll(() => users.countBy({ id, password: weak })).toBe(0);
      },
    );

    expect(answer).toMatchObject({ status: 200, body: { user_id: id } });
  });
});

describe('what a logged-in person asked for', () => {
  const REQUESTS = {
    'adding a QQ': async ({ shopper, token, mobile, password }: Owner) => {
      const body = {
        access_token: await shopper.bindToken(),
        password,
        sms_code: await writtenCode(app, mobile),
      };
      return () => send(shopper, 'POST', '/oauth/qq/bindings/', body, token);
    },
    'unbinding a QQ': async ({ shopper, token, password, id }: Owner) => {
      const binding = await firstBinding(id);
      return () => send(shopper, 'DELETE', `/oauth/qq/bindings/${binding}/`, { password }, token);
    },
    'changing the password': async ({ shopper, token, password }: Owner) => {
      const body = { old_password: password, new_password: newPassword() };
      return () => send(shopper, 'PUT', '/user/password/', body, token);
    },
    'changing the mobile': async ({ shopper, token, password }: Owner) => {
      const mobile = newMobile();
      const body = { password, mobile, sms_code: await writtenCode(app, mobile) };
      return () => send(shopper, 'PUT', '/user/mobile/', body, token);
    },
    'closing the account': async ({ shopper, token, password, mobile }: Owner) => {
      const body = { password, sms_code: await writtenCode(app, mobile) };
      return () => send(shopper, 'DELETE', '/user/', body, token);
    },
  };
  const state = async (id: number) => ({
    user: await app.dataSource.query<object[]>(
      'SELECT password, mobile, is_active FROM tb_users WHERE id = ?',
      [id],
    ),
    qqs: await bindings().findBy({ userId: id }),
  });

  const cases = (Object.keys(REQUESTS) as (keyof typeof REQUESTS)[]).flatMap((request) =>
    (['a reset of the password by SMS', 'a disabling', 'a sign-out everywhere'] as const).map(
      (change) => [request, change] as const,
    ),
  );

  it.each(cases)('%s of a logged-in person does not outlive %s', async (request, change) => {
    const person = await owner();
    const ask = await REQUESTS[request](person);
    let before: unknown;

    const answer = await overtaken(ask, async () => {
      await CHANGES[change](person);
      before = await state(person.id);
    });

    expect([400, 401]).toContain(answer.status);
    expect(await state(person.id)).toEqual(before);
  });
});
