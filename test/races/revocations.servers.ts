import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TokenService } from '../../src/auth/token.service.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { writtenCode } from '../support/fixtures.js';
import { type Answer, newMobile, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { SwitchableProxy } from '../support/switchable-proxy.js';

/** A service that tells whether a token is still valid. */
let steady: App;
let app: App;
let database: SwitchableProxy;

beforeAll(async () => {
  steady = await startApp();
  database = await SwitchableProxy.to(steady.backends.env.DATABASE_URL!);
  app = await startApp({ beside: steady, env: { DATABASE_URL: database.url } });
});

afterAll(async () => {
  await app.close();
  await steady.close();
  await database.close();
});

interface Owner {
  readonly shopper: Shopper;
  readonly mobile: string;
  readonly password: string;
  readonly qq: string;
  readonly token: string;
  readonly id: number;
}

async function owner(): Promise<Owner> {
  const [shopper, qq] = [app.shopper(), newQq()];
  const form = await shopper.bindForm({ qq });
  const { token, user_id: id } = (await shopper.bind(form)).body;
  return { ...form, shopper, token, id, qq };
}

const send = ({ shopper, token }: Owner, method: string, path: string, body: object) =>
  shopper.send(path, { method, token, body });

/** Everything that ends the logins of an account. */
const CHANGES = {
  'a change of the password': async (who: Owner) =>
    send(who, 'PUT', '/user/password/', { old_password: who.password, new_password: newPassword() }),
  'a reset of the password': async ({ shopper, mobile }: Owner) => {
    const sms_code = await writtenCode(steady, mobile);
    return shopper.post('/user/password/', { mobile, sms_code, password: newPassword() });
  },
  'a change of the mobile': async (who: Owner) => {
    const mobile = newMobile();
    const sms_code = await writtenCode(steady, mobile);
    return send(who, 'PUT', '/user/mobile/', { password: who.password, mobile, sms_code });
  },
  'an unbinding': async (who: Owner) => {
    const { id } = await steady.dataSource.getRepository(OAuthQQUser).findOneByOrFail({ userId: who.id });
    return send(who, 'DELETE', `/oauth/qq/bindings/${id}/`, { password: who.password });
  },
  'a closing': async (who: Owner) => {
    const sms_code = await writtenCode(steady, who.mobile);
    return send(who, 'DELETE', '/user/', { password: who.password, sms_code });
  },
  'a sign-out everywhere': async (who: Owner) => send(who, 'DELETE', '/authorizations/all/', {}),
};

/** Logs in after the change has ended the logins for the first time and before its commit. */
async function overtaken(change: () => Promise<Answer>, letIn: () => Promise<unknown>): Promise<Answer> {
  const tokens = app.nest.get(TokenService);
  const revokeAll = tokens.revokeAll.bind(tokens);
  const spy = vi.spyOn(tokens, 'revokeAll').mockImplementationOnce(async (userId) => {
    await revokeAll(userId);
    await letIn();
  });
  try {
    return await change();
  } finally {
    spy.mockRestore();
  }
}

describe('a login with the old proof, after the logins were ended and before the commit', () => {
  const cases = Object.entries(CHANGES).flatMap(([name, change]) =>
    ['committed', 'committed without an answer'].map((end) => [name, end, change] as const),
  );

  it.each(cases)(
    'a login with the old proof during the change does not stay valid: %s is %s',
    async (_, end, change) => {
      const who = await owner();
      const tokens: string[] = [];

      const answer = await overtaken(
        () => change(who),
        async () => {
          const { mobile: username, password } = who;
          const byPassword = await steady.shopper().post('/authorizations/', { username, password });
          const byQq = await steady.shopper().loginWithQq(who.qq);
          tokens.push(byPassword.body.token, byQq.body.token);
          if (end === 'committed without an answer') void database.cutAfter('COMMIT');
        },
      );

      expect(end === 'committed' ? [200, 204] : [503]).toContain(answer.status);
      expect(tokens).toEqual([expect.any(String), expect.any(String)]);
      for (const token of tokens) expect((await steady.shopper().get('/user/', token)).status).toBe(401);
    },
  );
});
