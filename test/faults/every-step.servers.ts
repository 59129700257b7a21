import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { User } from '../../src/users/user.entity.js';
import { CountingLine } from '../support/counting-line.js';
import { writtenCode } from '../support/fixtures.js';
import { type Answer, newMobile, newName, newPassword, newQq, Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

/** A service whose connections never break: prepares requests and reads what is stored. */
let steady: App;
/** The service whose connections are cut. */
let app: App;
let lines: { database: CountingLine; redis: CountingLine };

beforeAll(async () => {
  const LIMITS = ['sms-per-mobile-minute', 'binds-per-ip', 'sms-tries-per-mobile-day']
    .map((rule) => `${rule}=100000/60`)
    .join();
  steady = await startApp({ env: { LIMITS } });
  const { DATABASE_URL, REDIS_URL } = steady.backends.env;
  lines = {
    database: new CountingLine(new URL(DATABASE_URL!)),
    redis: new CountingLine(new URL(REDIS_URL!)),
  };
  await Promise.all(Object.values(lines).map((line) => line.listening()));
  app = await startApp({
    beside: steady,
    env: { LIMITS, DATABASE_URL: lines.database.url, REDIS_URL: lines.redis.url },
  });
});

afterAll(async () => {
  await app.close();
  await steady.close();
  for (const line of Object.values(lines)) line.close();
});

interface Owner {
  readonly id: number;
  readonly mobile: string;
  readonly password: string;
  readonly token: string;
  readonly qq: string;
  readonly shopper: Shopper;
}

async function owner(): Promise<Owner> {
  const [shopper, qq] = [steady.shopper(), newQq()];
  const form = await shopper.bindForm({ qq });
  const { token, user_id: id } = (await shopper.bind(form)).body;
  return { ...form, token, id, qq, shopper };
}

/** The same browser and address, at the service whose connections are cut. */
function cut({ shopper }: Pick<Owner, 'shopper'>): Shopper {
  const other = new Shopper(app.url, app.sandbox, app.logRecorder);
  other.cookie = shopper.cookie;
  other.address = shopper.address;
  return other;
}

interface Flow {
  /** Sends the request; each call sends it again. */
  readonly send: () => Promise<Answer>;
  /** Everything that the request may change. */
  readonly state: () => Promise<unknown>;
  /** Allowed errors of the second request if the first was carried out but its answer was lost. */
  readonly doneBefore: readonly string[];
  /** The account whose older logins end. */
  readonly ends?: Owner;
}

const users = () => steady.dataSource.getRepository(User);
const qqs = () => steady.dataSource.getRepository(OAuthQQUser);
const events = () => steady.dataSource.getRepository(AccountEvent);

const stateOf = (mobiles: readonly string[], id?: number) => async () => {
  const accounts = await users().find({
    select: { id: true, mobile: true, username: true, password: true, isActive: true },
    where: [...mobiles.map((mobile) => ({ mobile })), ...(id === undefined ? [] : [{ id }])],
    order: { id: 'ASC' },
  });
  const ids = accounts.map((account) => ({ userId: account.id }));
  return {
    accounts,
    bindings: ids.length > 0 ? await qqs().countBy(ids) : 0,
    // A change of an account is recorded with it.
    events: (await events().findBy(ids.length > 0 ? ids : { userId: -1 }))
      .map(({ event }) => event)
      .filter((event) => !['logged_in', 'refused'].includes(event)),
  };
};

const FLOWS: Readonly<Record<string, () => Promise<Flow>>> = {
  'a registration': async () => {
    const [shopper, mobile] = [steady.shopper(), newMobile()];
    const sms_code = await writtenCode(steady, mobile);
    const body = { username: newName(), password: newPassword(), mobile, sms_code };
    return {
      send: () => cut({ shopper }).post('/users/', body),
      state: stateOf([mobile]),
      doneBefore: ['MOBILE_TAKEN', 'SMS_CODE_INVALID'],
    };
  },
  'a login by SMS with a new mobile': async () => {
    const [shopper, mobile] = [steady.shopper(), newMobile()];
    const sms_code = await writtenCode(steady, mobile);
    return {
      send: () => cut({ shopper }).post('/authorizations/sms/', { mobile, sms_code }),
      state: stateOf([mobile]),
      doneBefore: ['SMS_CODE_INVALID'],
    };
  },
  'adding a QQ': async () => {
    const who = await owner();
    const { mobile, password, token } = who;
    const access_token = await who.shopper.bindToken();
    const body = { access_token, password, sms_code: await writtenCode(steady, mobile) };
    return {
      send: () => cut(who).post('/oauth/qq/bindings/', body, token),
      state: stateOf([mobile]),
      doneBefore: ['QQ_ALREADY_BOUND'],
    };
  },
  'an unbinding': async () => {
    const who = await owner();
    const { id } = await qqs().findOneByOrFail({ userId: who.id });
    const body = { password: who.password };
    return {
      send: () => cut(who).send(`/oauth/qq/bindings/${id}/`, { method: 'DELETE', token: who.token, body }),
      state: stateOf([who.mobile]),
      doneBefore: ['LOGIN_REQUIRED'],
      ends: who,
    };
  },
  'a change of the password': async () => {
    const who = await owner();
    const body = { old_password: who.password, new_password: newPassword() };
    return {
      send: () => cut(who).send('/user/password/', { method: 'PUT', token: who.token, body }),
      state: stateOf([who.mobile]),
      doneBefore: ['LOGIN_REQUIRED'],
      ends: who,
    };
  },
  'a reset of the password': async () => {
    const who = await owner();
    const { mobile } = who;
    const body = { mobile, sms_code: await writtenCode(steady, mobile), password: newPassword() };
    return {
      send: () => cut(who).post('/user/password/', body),
      state: stateOf([mobile]),
      doneBefore: ['SMS_CODE_INVALID'],
      ends: who,
    };
  },
  'a change of the mobile': async () => {
    const who = await owner();
    const mobile = newMobile();
    const body = { password: who.password, mobile, sms_code: await writtenCode(steady, mobile) };
    return {
      send: () => cut(who).send('/user/mobile/', { method: 'PUT', token: who.token, body }),
      state: stateOf([who.mobile, mobile], who.id),
      doneBefore: ['LOGIN_REQUIRED'],
      ends: who,
    };
  },
  'a closing': async () => {
    const who = await owner();
    const body = { password: who.password, sms_code: await writtenCode(steady, who.mobile) };
    return {
      send: () => cut(who).send('/user/', { method: 'DELETE', token: who.token, body }),
      state: stateOf([who.mobile], who.id),
      doneBefore: ['LOGIN_REQUIRED'],
      ends: who,
    };
  },
  'a sign-out everywhere': async () => {
    const who = await owner();
    return {
      send: () => cut(who).send('/authorizations/all/', { method: 'DELETE', token: who.token }),
      state: stateOf([who.mobile]),
      doneBefore: ['LOGIN_REQUIRED'],
      ends: who,
    };
  },
};

const cases = Object.keys(FLOWS).flatMap((name) =>
  (['database', 'redis'] as const).flatMap((which) =>
    (['before', 'after'] as const).map((when) => ({ name, which, when })),
  ),
);

describe('a request whose line to the database or Redis is cut at any step', () => {
  it.each(cases)(
    '$name: is complete or absent, and a repeat succeeds ($which, $when the answer)',
    { timeout: 120_000 },
    async ({ name, which, when }) => {
      const line = lines[which];
      let cuts = 0;
      for (let nth = 1; ; nth++) {
        const flow = await FLOWS[name]!();
        const before = await flow.state();
        await vi.waitFor(async () => expect((await app.shopper().get('/health/ready')).status).toBe(200), {
          timeout: 10_000,
        });
        line.cutAt(nth, when);

        const first = await flow.send();

        line.disarm();
        if (!line.sprung) break;
        cuts += 1;
        const where = `${name}, step ${nth}: ${first.status} ${first.text}`;
        expect([200, 201, 204, 401, 503], where).toContain(first.status);
        const after = await flow.state();
        const done = JSON.stringify(after) !== JSON.stringify(before);
        if (first.status < 300) expect(done, where).toBe(true);
        if (done && flow.ends) {
          // The connection may break at the second ending of the logins. Then the first one counts.
          const { token } = flow.ends;
          expect((await steady.shopper().get('/user/', token)).status, where).toBe(401);
        }
        if (done)
          expect((after as { events: string[] }).events, where).not.toEqual(
            (before as { events: string[] }).events,
          );
        await vi.waitFor(
          async () => {
            const again = await flow.send();
            const said = again.body.errorCode ?? String(again.status);
            const good = ['200', '201', '204', ...(done || first.status === 401 ? flow.doneBefore : [])];
            // The logins end before the change, so a failed change needs a new login.
            if (flow.ends) good.push('LOGIN_REQUIRED');
            expect(good, `${where}; again: ${again.text}`).toContain(said);
          },
          { timeout: 10_000, interval: 200 },
        );
      }
      expect(cuts).toBeGreaterThan(1);
    },
  );
});
