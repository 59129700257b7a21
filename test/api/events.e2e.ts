import { createHash } from 'node:crypto';
import { register } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openidOf } from '../../sandbox/people.js';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import { User } from '../../src/users/user.entity.js';
import { newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, type StartOptions, startApp } from '../support/start-app.js';
import { forgetLimit, writtenCode } from '../support/fixtures.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

interface Event {
  readonly id: number;
  readonly at: string;
  readonly event: string;
  readonly via: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
}

const trail = async (shopper: Shopper, token: string, query = '') =>
  (await shopper.get(`/user/events/${query}`, token)).body as unknown as Event[];
const names = (events: readonly Event[]) => events.map(({ event, via }) => [event, via]);
const kept = (userId: number) =>
  app.dataSource.getRepository(AccountEvent).find({ where: { userId }, order: { id: 'ASC' } });
const login = (shopper: Shopper, username: string, password: string) =>
  shopper.post('/authorizations/', { username, password });
const code = async (shopper: Shopper, mobile: string) => {
  await forgetLimit(app, 'sms-per-mobile-minute', mobile);
  return shopper.smsCode(mobile);
};

/** A service whose timers do nothing until the test runs them. */
async function withoutTimers(options: StartOptions): Promise<App> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  return startApp(options);
}

describe('what happened to an account', () => {
  it('the trail of an account lists what happened to it, from the first event to the last', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const mobile = newMobile();
    const password = newPassword();
    const form = await shopper.bindForm({ qq, mobile, password });
    const { token, user_id } = (await shopper.bind(form)).body;
    const added = await shopper.post(
      '/oauth/qq/bindings/',
      { access_token: await shopper.bindToken(), password, sms_code: await writtenCode(app, mobile) },
      token,
    );
    await shopper.loginWithQq(qq);
    await login(shopper, mobile, password);
    await login(shopper, mobile, newPassword());
    await shopper.send('/authorizations/all/', { method: 'DELETE', token });
    const again = (await login(shopper, mobile, password)).body.token;
    const fresh = newPassword();
    await shopper.send('/user/password/', {
      method: 'PUT',
      token: again,
      body: { old_password: password, new_password: fresh },
    });
    const third = (await login(shopper, mobile, fresh)).body.token;
    await shopper.send(`/oauth/qq/bindings/${Number(added.body.id)}/`, {
      method: 'DELETE',
      token: third,
      body: { password: fresh },
    });
    const last = newPassword();
    await shopper.post('/user/password/', { mobile, sms_code: await code(shopper, mobile), password: last });
    const final = (await login(shopper, mobile, last)).body.token;

    // Sorted by kind: logins and refusals are written up to a second later.
    await expect.poll(async () => names(await trail(shopper, final))).toHaveLength(14);
    const events = (await kept(user_id)).map(({ event, via, reason }) => [event, via, reason]);
    expect(events).toEqual(
      expect.arrayContaining([
        ['registered', 'qq', null],
        ['bound', 'sms', null],
        ['logged_in', 'qq', null],
        ['logged_in', 'password', null],
        ['refused', 'password', 'CREDENTIALS_INVALID'],
        ['signed_out_everywhere', null, null],
        ['password_changed', 'password', null],
        ['unbound', 'password', null],
        ['password_changed', 'sms', null],
      ]),
    );
    expect(events.filter(([event]) => event === 'logged_in')).toHaveLength(6);
    expect(events.filter(([event]) => event === 'bound')).toHaveLength(2);
  });

  it('the trail of an account begins with its registration', async () => {
    const shopper = app.shopper();
    const { token } = await shopper.register();

    await expect
      .poll(async () => names(await trail(shopper, token)))
      .toEqual([
        ['logged_in', 'sms'],
        ['registered', 'sms'],
      ]);
  });

  it('the trail says why a request was refused, but not to the owner', async () => {
    const shopper = app.shopper();
    const owner = await shopper.register();
    const form = await shopper.bindForm({
      mobile: owner.mobile,
      sms_code: await code(shopper, owner.mobile),
    });
    await shopper.bind(form);
    await shopper.send('/user/password/', {
      method: 'PUT',
      token: owner.token,
      body: { old_password: 'x', new_password: newPassword() },
    });

    await expect
      .poll(async () => (await kept(owner.id)).map(({ via, reason }) => [via, reason]))
      .toEqual([
        ['sms', null],
        ['sms', null],
        ['qq', 'PASSWORD_INVALID'],
        ['password', 'PASSWORD_INVALID'],
      ]);
    for (const event of await trail(shopper, owner.token))
      expect(Object.keys(event)).toEqual(['id', 'at', 'event', 'via', 'ip', 'user_agent']);
  });

  it('the trail has time, address, request, a shortened user agent and a keyed hash of the QQ', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const openid = openidOf(app.config.QQ_APP_ID, qq);
    const form = await shopper.bindForm({ qq });
    const before = Date.now();

    const bound = await shopper.send('/oauth/qq/users/', {
      method: 'POST',
      body: form,
      headers: { 'user-agent': `Browser/1.0 ${'x'.repeat(5000)}`, 'x-request-id': 'request-0123456789' },
    });

    const [registered, row] = await kept(bound.body.user_id);
    expect(row).toMatchObject({ event: 'bound', ip: shopper.address, requestId: 'request-0123456789' });
    expect(row!.userAgent).toHaveLength(200);
    expect(row!.at.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(row!.at.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    expect(row!.openidHash).toBe(registered!.openidHash);
    expect(row!.openidHash).not.toBe(createHash('sha256').update(openid).digest('hex'));
    expect(JSON.stringify([registered, row])).not.toContain(openid);
  });

  it('the trail is read newest first, page by page, without gaps or duplicates', async () => {
    const shopper = app.shopper();
    const { token, id, username, password } = await shopper.register();
    for (let nth = 0; nth < 6; nth++) await login(shopper, username, password);
    await expect.poll(() => kept(id)).toHaveLength(8);
    const all = await trail(shopper, token);

    const pages: Event[] = [];
    for (let page = await trail(shopper, token, '?limit=3'); page.length > 0;) {
      expect(page.length).toBeLessThanOrEqual(3);
      pages.push(...page);
      page = await trail(shopper, token, `?limit=3&before=${page.at(-1)!.id}`);
    }

    expect(pages).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => b - a));
    expect(Date.parse(all[0]!.at)).not.toBeNaN();
  });

  it.each([
    '?limit=0',
    '?limit=101',
    '?limit=x',
    '?limit=1.5',
    '?before=0',
    '?before=-1',
    '?before=1%20OR%201',
    '?limit=1&limit=2',
  ])('the trail is not read with an invalid query: %s', async (query) => {
    const shopper = app.shopper();
    const { token } = await shopper.register();

    expect(await shopper.get(`/user/events/${query}`, token)).toMatchObject({
      status: 400,
      body: { errorCode: 'REQUEST_INVALID' },
    });
  });

  it('only the owner reads the trail', async () => {
    const [one, other] = [app.shopper(), app.shopper()];
    const first = await one.register();
    await expect.poll(() => trail(one, first.token)).toHaveLength(2);
    const [newest] = await trail(one, first.token);

    // Its events are newer than all events of the first account.
    const second = await other.register();
    expect(await app.shopper().get('/user/events/')).toMatchObject({ status: 401 });
    expect(await trail(other, second.token, `?before=${newest!.id + 1}`)).toEqual([]);
    const query = `?user_id=${first.id}&userId=${first.id}`;
    await expect.poll(() => trail(other, second.token, query)).toHaveLength(2);
    expect(await trail(other, second.token, query)).toEqual(await trail(other, second.token));
  });
});

describe("an account's change and its audit row", () => {
  const events = () => app.dataSource.getRepository(AccountEvent);
  const rename = (from: string, to: string) => app.dataSource.query(`ALTER TABLE ${from} RENAME TO ${to}`);

  it('a bind that is rolled back leaves no audit row', async () => {
    const qq = newQq();
    const [one, other] = [app.shopper(), app.shopper()];
    const forms = [await one.bindForm({ qq }), await other.bindForm({ qq })] as const;
    await one.bind(forms[0]);
    const before = await events().countBy([{ event: 'registered' }, { event: 'bound' }]);

    expect((await other.bind(forms[1])).body.errorCode).toBe('QQ_ALREADY_BOUND');

    expect(await events().countBy([{ event: 'registered' }, { event: 'bound' }])).toBe(before);
  });

  it('a bind whose audit row cannot be written is rolled back', async () => {
    const shopper = app.shopper();
    const { token, id, username, password } = await shopper.register();
    const bind = await shopper.bindForm();
    const changing = { old_password: password, new_password: newPassword() };
    await rename('tb_account_event', 'tb_account_event_away');
    try {
      expect((await shopper.bind(bind)).status).toBe(500);
      expect((await shopper.send('/user/password/', { method: 'PUT', token, body: changing })).status).toBe(
        500,
      );
      expect((await shopper.send('/authorizations/all/', { method: 'DELETE', token })).status).toBe(500);
    } finally {
      await rename('tb_account_event_away', 'tb_account_event');
    }

    expect(await app.dataSource.getRepository(User).countBy({ mobile: bind.mobile })).toBe(0);
    expect((await login(shopper, username, password)).body.user_id).toBe(id);
    expect((await shopper.get('/user/', token)).status).toBe(200);
    // The code was put back or never spent, so the bind can be repeated.
    expect((await shopper.bind(bind)).status).toBe(200);
  });
});

describe('what changes nothing', () => {
  it('events without a change are written after the answer, and the last ones at shutdown', async () => {
    const service = await withoutTimers({ beside: app });
    const [shopper, qq] = [service.shopper(), newQq()];
    const form = await shopper.bindForm({ qq });
    const { user_id } = (await shopper.bind(form)).body;

    for (let nth = 0; nth < 3; nth++) await login(shopper, form.mobile, form.password);
    await login(shopper, form.mobile, newPassword());
    await shopper.loginWithQq(qq);

    expect((await kept(user_id)).map(({ event }) => event)).toEqual(['registered', 'bound']);
    await service.close();
    vi.useRealTimers();
    expect((await kept(user_id)).map(({ event, via }) => [event, via]).slice(2)).toEqual([
      ['logged_in', 'qq'],
      ['logged_in', 'password'],
      ['logged_in', 'password'],
      ['logged_in', 'password'],
      ['refused', 'password'],
      ['logged_in', 'qq'],
    ]);
  });

  it('events without a change are written within a second', async () => {
    const shopper = app.shopper();
    const { id, username, password } = await shopper.register();
    await login(shopper, username, password);

    await expect.poll(() => kept(id), { timeout: 1500 }).toHaveLength(3);
  });

  it('events without a change are written later when the table is away for a while', async () => {
    const shopper = app.shopper();
    const { id, username, password } = await shopper.register();
    await app.dataSource.query('ALTER TABLE tb_account_event RENAME TO tb_account_event_away');
    try {
      expect((await login(shopper, username, password)).status).toBe(200);
      await expect.poll(() => app.logRecorder.lines).toMatch(/Audit trail not written, kept for later/);
    } finally {
      await app.dataSource.query('ALTER TABLE tb_account_event_away RENAME TO tb_account_event');
    }

    await expect.poll(() => kept(id), { timeout: 3000 }).toHaveLength(3);
  });

  it.each(['é.è.ê', "1.2.3.4'; DROP TABLE tb_users; --", 'x'.repeat(500), '1.2.3.4:5678', '%00'])(
    "events without a change are written although the client's address is invalid: %s",
    async (address) => {
      const shopper = app.shopper();
      const { id, username, password } = await shopper.register();
      shopper.address = address;
      expect((await login(shopper, username, password)).status).toBe(200);

      await expect.poll(() => kept(id), { timeout: 3000 }).toHaveLength(3);
    },
  );
});

describe('what anybody can do without end, and what is about no account', () => {
  it('refusals that concern no account are counted and not written', async () => {
    const events = app.dataSource.getRepository(AccountEvent);
    const shopper = app.shopper();
    const form = { ...(await shopper.bindForm()), sms_code: '000000' };
    const taken = { mobile: form.mobile, sms_code: '000000', password: newPassword() };
    await app.nest.get(AuditWriter).flush();
    const [before, refused] = [await events.count(), await refusals()];

    const answers = [
      await shopper.bind({ ...form, access_token: 'a.b.c' }),
      await shopper.bind({ ...form, access_token: form.access_token.slice(0, -2) }),
      await shopper.bind(form),
      await shopper.get('/oauth/qq/users/?code=AAAA&state=a.b.c.d'),
      await login(shopper, newName(), newPassword()),
      await shopper.post('/user/password/', taken),
      await shopper.post('/users/', { ...taken, username: newName() }),
      await shopper.post('/authorizations/sms/', taken),
      await shopper.send('/user/password/', { method: 'PUT', token: 'a.b.c', body: {} }),
    ];

    for (const { status } of answers) expect([400, 401]).toContain(status);
    await app.nest.get(AuditWriter).flush();
    expect(await events.count()).toBe(before);
    expect((await refusals()) - refused).toBe(answers.length);
  });

  /** The value in the metrics, summed over all reasons. */
  async function refusals(): Promise<number> {
    const { values } = await register.getSingleMetric('qq_account_refusals_total')!.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  }
});

describe('what is older than AUDIT_DAYS', () => {
  it('events older than AUDIT_DAYS are removed within a minute, in small steps, and newer ones stay', async () => {
    const shopper = app.shopper();
    const { id } = await shopper.register();
    const days = (count: number) => new Date(Date.now() - count * 86_400_000);
    const rows = (count: number, at: Date) =>
      Array.from({ length: count }, () => ({ at, userId: id, event: 'logged_in' }));
    const events = app.dataSource.getRepository(AccountEvent);
    for (const at of [days(200), days(181)]) await events.insert(rows(800, at));
    await events.insert(rows(3, days(179)));
    const service = await withoutTimers({ beside: app });
    try {
      await vi.advanceTimersByTimeAsync(60_000);

      await expect.poll(() => events.countBy({ userId: id }), { timeout: 5000 }).toBe(5);
    } finally {
      await service.close();
      vi.useRealTimers();
    }
  });
});
