import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openidOf, unionidOf } from '../../sandbox/people.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { atOnce, tally } from '../support/fixtures.js';

const [FIRST, SECOND, STRANGER] = ['101000001', '101000002', '101000003'] as const;

/** Apps of one developer: the first app without and with QQ_UNIONID, and a second app. */
let before: App;
let first: App;
let second: App;
/** Another developer's app on the same tables. QQ gives it other unionids. */
let stranger: App;

beforeAll(async () => {
  const apps = [
    { id: SECOND, key: 'second-app-key' },
    { id: STRANGER, key: 'stranger-app-key', developer: 'stranger' },
  ];
  before = await startApp({ sandbox: { apps } });
  first = await startApp({ beside: before, env: { QQ_UNIONID: 'true' } });
  const as = (QQ_APP_ID: string, QQ_APP_KEY: string) =>
    startApp({ beside: before, env: { QQ_UNIONID: 'true', QQ_APP_ID, QQ_APP_KEY } });
  second = await as(SECOND, 'second-app-key');
  stranger = await as(STRANGER, 'stranger-app-key');
});

afterAll(async () => {
  for (const app of [stranger, second, first, before]) await app.close();
});

const unionid = (qq: string) => unionidOf('sandbox', qq);
const rows = (userId: number) =>
  before.dataSource.getRepository(OAuthQQUser).find({ where: { userId }, order: { id: 'ASC' } });
const loggedIn = async (app: App, qq: string) => (await app.shopper().loginWithQq(qq)).body;

async function bound(app: App, qq: string): Promise<{ id: number; token: string }> {
  const shopper = app.shopper();
  const { status, body } = await shopper.bind(await shopper.bindForm({ qq }));
  expect(status).toBe(200);
  return { id: body.user_id, token: body.token };
}

describe('two apps of one developer', () => {
  it('two apps of one developer lead to one account, and the second openid becomes a row of it', async () => {
    const qq = newQq();
    const { id } = await bound(first, qq);

    expect((await loggedIn(second, qq)).user_id).toBe(id);

    expect(await rows(id)).toMatchObject([
      { openid: openidOf(FIRST, qq), unionid: unionid(qq) },
      { openid: openidOf(SECOND, qq), unionid: null },
    ]);
    for (const app of [first, second, before]) expect((await loggedIn(app, qq)).user_id).toBe(id);
    expect(await rows(id)).toHaveLength(2);
  });

  it('two apps of one developer lead to one account when both log in for the first time at once', async () => {
    const qq = newQq();
    const { id } = await bound(first, qq);

    const answers = await atOnce(10, () => loggedIn(second, qq));

    for (const answer of answers) expect(answer.user_id).toBe(id);
    expect(await rows(id)).toHaveLength(2);
  });

  it('two apps of one developer that bind one QQ at once to two mobiles: one wins', async () => {
    const qq = newQq();
    const [one, other] = [first.shopper(), second.shopper()];
    const forms = [await one.bindForm({ qq }), await other.bindForm({ qq })] as const;

    const answers = await Promise.all([one.bind(forms[0]), other.bind(forms[1])]);

    expect(tally(answers)).toEqual({ 200: 1, QQ_ALREADY_BOUND: 1 });
    const winner = answers.find(({ status }) => status === 200)!.body.user_id;
    for (const app of [first, second]) expect((await loggedIn(app, qq)).user_id).toBe(winner);
  });

  it('apps of two developers lead to two accounts', async () => {
    const qq = newQq();
    const { id } = await bound(first, qq);

    expect(await loggedIn(stranger, qq)).not.toHaveProperty('user_id');
    expect((await bound(stranger, qq)).id).not.toBe(id);
  });
});

describe('unbinding a QQ that has logged in by two apps', () => {
  const unbind = async (id: number, token: string, password: string) =>
    first.shopper().send(`/oauth/qq/bindings/${id}/`, { method: 'DELETE', token, body: { password } });

  it.each([0, 1])(
    'unbinding a QQ of two apps ends its login by both, whichever row is named (%i)',
    async (nth) => {
      const [shopper, qq] = [first.shopper(), newQq()];
      const form = await shopper.bindForm({ qq });
      const { token, user_id: id } = (await shopper.bind(form)).body;
      await loggedIn(second, qq);
      const row = (await rows(id))[nth]!;

      expect((await unbind(row.id, token, form.password)).status).toBe(204);

      expect(await rows(id)).toEqual([]);
      for (const app of [first, second]) expect(await loggedIn(app, qq)).not.toHaveProperty('user_id');
    },
  );

  it.for(['has logged in by it', 'has not logged in by it'])(
    "unbinding a QQ makes the second app's older bind token invalid, when the QQ %s since",
    async (since, { skip }) => {
      // In the embedded mode, each of the two has its own Redis.
      skip(before.backends.embedded);
      const [shopper, elsewhere, qq] = [first.shopper(), second.shopper(), newQq()];
      const access_token = await elsewhere.bindToken(qq);
      const form = await shopper.bindForm({ qq });
      const { token, user_id: id } = (await shopper.bind(form)).body;
      if (since === 'has logged in by it') expect((await loggedIn(second, qq)).user_id).toBe(id);
      expect((await unbind((await rows(id))[0]!.id, token, form.password)).status).toBe(204);

      const answer = await elsewhere.bind(await elsewhere.bindForm({ access_token }));

      expect(answer.body.errorCode).toBe('BIND_TOKEN_INVALID');
      const later = await elsewhere.bindForm({ access_token: await elsewhere.bindToken(qq) });
      expect((await elsewhere.bind(later)).status).toBe(200);
    },
  );

  it('unbinding a QQ is not undone by a login that found it before and adds its row after', async () => {
    const [shopper, qq] = [first.shopper(), newQq()];
    const form = await shopper.bindForm({ qq });
    const { token, user_id: id } = (await shopper.bind(form)).body;
    const [row] = await rows(id);
    const { dataSource } = second;
    const transaction = dataSource.transaction.bind(dataSource) as (...given: unknown[]) => Promise<unknown>;
    const spy = vi.spyOn(dataSource, 'transaction').mockImplementationOnce(async (...given: unknown[]) => {
      expect((await unbind(row!.id, token, form.password)).status).toBe(204);
      return transaction(...given);
    });

    const answer = await loggedIn(second, qq);

    expect(spy).toHaveBeenCalledOnce();
    spy.mockRestore();
    expect(answer).not.toHaveProperty('user_id');
    expect(await rows(id)).toEqual([]);
  });
});

describe('a unionid', () => {
  it('a unionid that was unknown when the QQ was bound is stored at the next login', async () => {
    const qq = newQq();
    const { id } = await bound(before, qq);
    expect(await rows(id)).toMatchObject([{ unionid: null }]);

    expect((await loggedIn(first, qq)).user_id).toBe(id);

    expect(await rows(id)).toMatchObject([{ openid: openidOf(FIRST, qq), unionid: unionid(qq) }]);
    expect((await loggedIn(second, qq)).user_id).toBe(id);
  });

  it('a unionid is not stored, and no row is added, for a disabled account', async () => {
    const qq = newQq();
    const { id } = await bound(before, qq);
    await before.dataSource.getRepository(User).update({ id }, { isActive: false });

    expect(await loggedIn(first, qq)).toMatchObject({ errorCode: 'ACCOUNT_DISABLED' });

    expect(await rows(id)).toMatchObject([{ unionid: null }]);
  });

  it('a unionid is compared case-sensitively, as QQ sends it', async () => {
    const qq = newQq();
    const { id } = await bound(first, qq);
    const [row] = await rows(id);
    await before.dataSource
      .getRepository(OAuthQQUser)
      .update({ id: row!.id }, { unionid: unionid(qq).toLowerCase(), qqUnionid: unionid(qq).toLowerCase() });

    expect(await loggedIn(second, qq)).not.toHaveProperty('user_id');
  });

  it('a unionid of another account than the openid is a conflict: refused, logged, and nothing changes', async () => {
    const qq = newQq();
    const byOpenid = await bound(before, qq);
    const byUnionid = await bound(second, qq);
    expect(byOpenid.id).not.toBe(byUnionid.id);

    const answer = await first.shopper().loginWithQq(qq);

    expect(answer).toMatchObject({
      status: 400,
      body: { errorCode: 'QQ_CONFLICT', message: '该QQ绑定存在冲突，请联系客服' },
    });
    expect(answer.body).not.toHaveProperty('token');
    expect(answer.body).not.toHaveProperty('access_token');
    expect(before.logRecorder.lines).toMatch(/QQ is bound to two accounts/);
    expect(await rows(byOpenid.id)).toMatchObject([{ openid: openidOf(FIRST, qq), unionid: null }]);
    expect(await rows(byUnionid.id)).toMatchObject([{ openid: openidOf(SECOND, qq), unionid: unionid(qq) }]);
  });

  it('a unionid that the other app has bound in the meantime makes an older bind token useless', async () => {
    const qq = newQq();
    const shopper = first.shopper();
    const form = await shopper.bindForm({ qq });
    await bound(second, qq);

    expect(await shopper.bind(form)).toMatchObject({ status: 400, body: { errorCode: 'QQ_ALREADY_BOUND' } });
  });

  it('the unionid is not asked for without QQ_UNIONID', async () => {
    const asked = before.sandbox.requests.me;

    await loggedIn(before, newQq());

    expect(before.sandbox.requests.me).toBe(asked);
  });
});

describe("the row that the other app's login adds", () => {
  it("a row added by the other app's login belongs to the same list entry, and has its own event", async () => {
    const qq = newQq();
    const { id, token } = await bound(first, qq);
    await loggedIn(second, qq);
    const shopper = first.shopper();

    expect((await shopper.get('/oauth/qq/bindings/', token)).body).toHaveLength(1);
    const events = (await shopper.get('/user/events/', token)).body as unknown as {
      event: string;
      via: string;
    }[];
    expect(events.filter(({ event }) => event === 'bound').map(({ via }) => via)).toEqual(['qq', 'sms']);
    expect(await rows(id)).toHaveLength(2);
  });
});
