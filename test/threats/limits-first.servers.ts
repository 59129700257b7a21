import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditWriter } from '../../src/audit/audit-writer.js';
import type { Rule } from '../../src/limits/rules.js';
import { sqlDuring } from '../support/counting.js';
import { alreadyCounted, forgetLimit, tally, writtenCode } from '../support/fixtures.js';
import { solvedBy } from '../support/proof-of-work.js';
import { type Answer, newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;
let person: {
  readonly id: number;
  readonly mobile: string;
  readonly password: string;
  readonly token: string;
};

beforeAll(async () => {
  app = await startApp({ env: { LIMITS: 'sms-per-mobile-minute=1000/60' } });
  const shopper = app.shopper();
  const form = await shopper.bindForm({ qq: newQq() });
  const { token, user_id: id } = (await shopper.bind(form)).body;
  person = { ...form, token, id };
});

afterAll(() => app.close());

type Ready = () => Promise<Answer>;
const asPerson = (shopper: Shopper, method: string, path: string, body: object): Promise<Answer> =>
  shopper.send(path, { method, body, token: person.token });

/** Prepares the request, fills the limit, and then sends the request. */
const REQUESTS = {
  'a start': async (shopper) => () => shopper.get('/oauth/qq/authorization/'),
  'a callback': async (shopper) => {
    const query = await shopper.approve(await shopper.start(), newQq());
    return () => shopper.get(`/oauth/qq/users/?${query}`);
  },
  'a bind': async (shopper) => {
    const form = await shopper.bindForm();
    return () => shopper.bind(form);
  },
  'adding a QQ': async (shopper) => {
    const { mobile, password } = person;
    const form = { access_token: await shopper.bindToken(), password };
    return async () =>
      asPerson(shopper, 'POST', '/oauth/qq/bindings/', {
        ...form,
        sms_code: await writtenCode(app, mobile),
      });
  },
  'the list of QQs': async (shopper) => () => shopper.get('/oauth/qq/bindings/', person.token),
  'an unbinding': async (shopper) => () =>
    asPerson(shopper, 'DELETE', '/oauth/qq/bindings/1/', { password: newPassword() }),
  'a registration': async (shopper) => {
    const mobile = newMobile();
    const form = { username: newName(), mobile, password: newPassword() };
    const sms_code = await writtenCode(app, mobile);
    return () => shopper.post('/users/', { ...form, sms_code });
  },
  'a login by password': async (shopper) => () =>
    shopper.post('/authorizations/', { username: newName(), password: newPassword() }),
  'a login by SMS': async (shopper) => {
    const mobile = newMobile();
    const sms_code = await writtenCode(app, mobile);
    return () => shopper.post('/authorizations/sms/', { mobile, sms_code });
  },
  'a reset of the password': async (shopper) => {
    const mobile = newMobile();
    const sms_code = await writtenCode(app, mobile);
    return () => shopper.post('/user/password/', { mobile, sms_code, password: newPassword() });
  },
  'a change of the password': async (shopper) => () =>
    asPerson(shopper, 'PUT', '/user/password/', {
      old_password: newPassword(),
      new_password: newPassword(),
    }),
  'a change of the mobile': async (shopper) => {
    const mobile = newMobile();
    const sms_code = await writtenCode(app, mobile);
    return () => asPerson(shopper, 'PUT', '/user/mobile/', { mobile, sms_code, password: newPassword() });
  },
  'a closing': async (shopper) => () =>
    asPerson(shopper, 'DELETE', '/user/', { sms_code: '000000', password: newPassword() }),
  'a challenge': async (shopper) => () => shopper.get('/human_checks/'),
  'a picture': async (shopper) => () => shopper.get(`/image_codes/${crypto.randomUUID()}/`),
  'an SMS': async (shopper) => {
    const { altcha } = await solvedBy(shopper);
    return () => shopper.post('/sms_codes/', { mobile: newMobile(), altcha });
  },
  'an SMS to the own mobile': async (shopper) => {
    const { altcha } = await solvedBy(shopper);
    return () => shopper.post('/sms_codes/', { altcha }, person.token);
  },
} satisfies Record<string, (shopper: Shopper) => Promise<Ready>>;

type Request = keyof typeof REQUESTS;
const network = ({ address }: Shopper): string => address;
const subnet = ({ address }: Shopper): string => address.replace(/\d+$/, '0/24');
const account = (): string => String(person.id);
const accountAndNetwork = (shopper: Shopper): string => `${person.id}@${network(shopper)}`;

/** The limit that refuses the request, and its subject. */
const CASES: readonly [Request, Rule, (shopper: Shopper) => string][] = [
  ['a start', 'starts-per-ip', network],
  ['a callback', 'callbacks-per-ip', network],
  ['a bind', 'binds-per-ip', network],
  ['adding a QQ', 'binds-per-ip', network],
  ['the list of QQs', 'lists-per-account', account],
  ['an unbinding', 'password-checks-per-ip', network],
  ['an unbinding', 'login-failures-per-account', account],
  ['an unbinding', 'login-failures-per-account-and-ip', accountAndNetwork],
  ['a registration', 'registrations-per-ip', network],
  ['a login by password', 'password-checks-per-ip', network],
  ['a login by password', 'login-failures-per-ip', network],
  ['a login by SMS', 'sms-logins-per-ip', network],
  ['a reset of the password', 'resets-per-ip', network],
  ['a change of the password', 'password-checks-per-ip', network],
  ['a change of the password', 'login-failures-per-account', account],
  ['a change of the mobile', 'account-changes-per-ip', network],
  ['a closing', 'account-changes-per-ip', network],
  ['a challenge', 'challenges-per-ip', network],
  ['a picture', 'pictures-per-ip', network],
  ['an SMS', 'sms-per-ip-hour', network],
  ['an SMS', 'sms-per-ip-day', network],
  ['an SMS', 'sms-per-subnet-day', subnet],
  ['an SMS to the own mobile', 'sms-per-ip-hour', network],
  ['an SMS to the own mobile', 'sms-per-ip-day', network],
  ['an SMS to the own mobile', 'sms-per-subnet-day', subnet],
];

describe('what a limit refuses', () => {
  it.each(CASES)(
    'a request that a limit refuses costs no SQL statement: %s, by %s',
    async (name, rule, whom) => {
      const shopper = app.shopper();
      const request = await REQUESTS[name](shopper);
      await app.nest.get(AuditWriter).flush();
      await alreadyCounted(app, rule, whom(shopper), 1_000_000);
      let answer: Answer | undefined;

      const sql = await sqlDuring(app.backends.env.DATABASE_URL!, async () => (answer = await request()));

      await forgetLimit(app, rule, whom(shopper));
      expect(answer).toMatchObject({ status: 429, body: { errorCode: 'TOO_MANY_REQUESTS' } });
      expect(sql).toEqual([]);
    },
  );
});

describe('a person who is logged in', () => {
  it('a logged-in person cannot fill the trail with wrong codes for mobiles of all kinds', async () => {
    const shopper = app.shopper();
    await alreadyCounted(app, 'account-changes-per-ip', shopper.address, 298);

    const answers: Answer[] = [];
    for (let nth = 0; nth < 4; nth++)
      answers.push(
        await asPerson(shopper, 'PUT', '/user/mobile/', {
          mobile: newMobile(),
          sms_code: '000000',
          password: newPassword(),
        }),
      );

    expect(tally(answers)).toEqual({ SMS_CODE_INVALID: 2, TOO_MANY_REQUESTS: 2 });
  });
});
