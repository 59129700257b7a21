import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answer, newMobile, newName, newPassword, newQq, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { alreadyCounted, atOnce, counted, forgetLimit, tally } from '../support/fixtures.js';

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, randomInt: vi.fn(crypto.randomInt) };
});

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const TOO_MANY = { status: 429, body: { errorCode: 'TOO_MANY_REQUESTS' } };
const WRONG = { status: 400, body: { errorCode: 'SMS_CODE_INVALID' } };
/** Runs `work` while the service draws this number for every SMS code. */
async function withCode<T>(code: number, work: () => Promise<T>): Promise<T> {
  const random = vi.mocked(randomInt);
  const real = random.getMockImplementation()!;
  random.mockImplementation((...bounds) => (bounds[0] === 1_000_000 ? code : real(...bounds)));
  try {
    return await work();
  } finally {
    random.mockImplementation(real);
  }
}
/** Another code than the given one. */
const wrong = (code: string, nth = 1) => String((Number(code) + nth) % 1_000_000).padStart(6, '0');
const received = (mobile: string) => app.sandbox.messages(mobile);
const aMinuteLater = (mobile: string) => forgetLimit(app, 'sms-per-mobile-minute', mobile);
const retryAfter = ({ headers }: Answer) => Number(headers.get('retry-after'));

/** A person at one of the three routes that take an SMS code, with a guess. */
const routes: [
  string,
  (shopper: Shopper, mobile: string) => Promise<(sms_code: string) => Promise<Answer>>,
][] = [
  [
    'binding',
    async (shopper, mobile) => {
      const access_token = await shopper.bindToken();
      return (sms_code) => shopper.bind({ mobile, password: newPassword(), sms_code, access_token });
    },
  ],
  [
    'registering',
    async (shopper, mobile) => {
      const form = { username: `u_${randomUUID().slice(0, 8)}`, mobile, password: newPassword() };
      return (sms_code) => shopper.post('/users/', { ...form, sms_code });
    },
  ],
  [
    'a forgotten password',
    async (shopper, mobile) => (sms_code) =>
      shopper.post('/user/password/', { mobile, sms_code, password: newPassword() }),
  ],
];

describe('guessing the code', () => {
  it.each(routes)('after five tries by %s, the right code is refused', async (_, route) => {
    const [victim, attacker] = [app.shopper(), app.shopper()];
    const mobile = newMobile();
    const guess = await route(attacker, mobile);
    const code = await victim.smsCode(mobile);

    for (let nth = 1; nth <= 5; nth++) expect(await guess(wrong(code, nth))).toMatchObject(WRONG);

    expect(await guess(code)).toMatchObject(WRONG);
  });

  it.each(routes)('the fifth try by %s still succeeds with the right code', async (_, route) => {
    const shopper = app.shopper();
    const mobile = newMobile();
    const guess = await route(shopper, mobile);
    const code = await shopper.smsCode(mobile);
    for (let nth = 1; nth <= 4; nth++) await guess(wrong(code, nth));

    expect((await guess(code)).status).toBeLessThan(300);
  });

  it('the tries on all routes and from all addresses count together', async () => {
    const mobile = newMobile();
    const guesses = await Promise.all(routes.map(([, route]) => route(app.shopper(), mobile)));
    const code = await app.shopper().smsCode(mobile);

    for (let nth = 1; nth <= 5; nth++) await guesses[nth % guesses.length]!(wrong(code, nth));

    for (const guess of guesses) expect(await guess(code)).toMatchObject(WRONG);
  });

  it('a bind token has ten tries, whichever mobiles they are for', async () => {
    const attacker = app.shopper();
    const access_token = await attacker.bindToken();
    const guess = () =>
      attacker.bind({ mobile: newMobile(), password: newPassword(), sms_code: '000000', access_token });

    expect(tally(await atOnce(50, guess))).toEqual({ SMS_CODE_INVALID: 10, TOO_MANY_REQUESTS: 40 });

    const after = await guess();
    expect(after).toMatchObject(TOO_MANY);
    expect(retryAfter(after)).toBeGreaterThan(3500);
    expect(retryAfter(after)).toBeLessThanOrEqual(3600);
  });

  it('a mobile has twenty tries a day, which a new code does not reset', async () => {
    const victim = app.shopper();
    const mobile = newMobile();
    for (let codes = 0; codes < 4; codes++) {
      await aMinuteLater(mobile);
      const code = await victim.smsCode(mobile);
      const guess = await routes[codes % 3]![1](app.shopper(), mobile);
      for (let nth = 1; nth <= 5; nth++) expect(await guess(wrong(code, nth))).toMatchObject(WRONG);
    }
    await aMinuteLater(mobile);
    const code = await victim.smsCode(mobile);

    for (const [, route] of routes) {
      const answer = await (await route(app.shopper(), mobile))(code);
      expect(answer).toMatchObject(TOO_MANY);
      expect(retryAfter(answer)).toBeGreaterThan(80_000);
    }
  });

  it('twenty parallel tries count as twenty: five are compared, and the code becomes invalid', async () => {
    const mobile = newMobile();
    const code = await app.shopper().smsCode(mobile);
    const guesses = await atOnce(20, (index) => routes[index % 3]![1](app.shopper(), mobile));

    const answers = await Promise.all(guesses.map((guess, nth) => guess(wrong(code, nth + 1))));

    expect(tally(answers)).toEqual({ SMS_CODE_INVALID: 20 });
    expect(await counted(app, 'sms-tries-per-mobile-day', mobile)).toBe(5);
    expect(await guesses[0]!(code)).toMatchObject(WRONG);
  });

  it('the right code as the last of fifty parallel tries is refused', async () => {
    const mobile = newMobile();
    const code = await app.shopper().smsCode(mobile);
    const guesses = await atOnce(50, () => routes[2]![1](app.shopper(), mobile));

    const answers = await Promise.all(
      guesses.map((guess, nth) => guess(nth === 49 ? code : wrong(code, nth + 1))),
    );

    expect(tally(answers)).toEqual({ SMS_CODE_INVALID: 50 });
  });

  it('a code that is put back after a failed bind keeps its count of tries', async () => {
    const owner = await app.shopper().register();
    await aMinuteLater(owner.mobile);
    const shopper = app.shopper();
    const form = await shopper.bindForm({ mobile: owner.mobile, password: newPassword() });

    const answers: Answer[] = [];
    for (let nth = 0; nth < 6; nth++) answers.push(await shopper.bind({ ...form, password: newPassword() }));

    expect(tally(answers)).toEqual({ PASSWORD_INVALID: 5, SMS_CODE_INVALID: 1 });
  });

  it("a code written by the old shop's services has five tries too", async () => {
    const mobile = newMobile();
    await app.redis.set(`sms_${mobile}`, '246810', 'EX', 300);
    const guess = await routes[0]![1](app.shopper(), mobile);

    for (let nth = 1; nth <= 5; nth++) expect(await guess(wrong('246810', nth))).toMatchObject(WRONG);

    expect(await guess('246810')).toMatchObject(WRONG);
  });

  it('the same six digits sent again by the old shop are a new code', async () => {
    const mobile = newMobile();
    const guess = await routes[0]![1](app.shopper(), mobile);
    await app.redis.set(`sms_${mobile}`, '135790', 'EX', 100);
    for (let nth = 1; nth <= 5; nth++) await guess(wrong('135790', nth));

    await app.redis.set(`sms_${mobile}`, '135790', 'EX', 300);

    expect((await guess('135790')).status).toBe(200);
  });

  it('a value of the old shop that is not a code matches nothing', async () => {
    const mobile = newMobile();
    const guess = await routes[0]![1](app.shopper(), mobile);

    for (const nonsense of ['', '12345', '0000000', 'None', '１２３４５６']) {
      await app.redis.set(`sms_${mobile}`, nonsense, 'EX', 300);
      expect(await guess('000000')).toMatchObject(WRONG);
    }
  });

  it.each(routes)(
    'a wrong, a missing, a used and an exhausted code get the same answer by %s',
    async (_, route) => {
      const shopper = app.shopper();
      const [never, used, sent] = [newMobile(), newMobile(), newMobile()];
      const spent = await shopper.smsCode(used);
      await shopper.post('/user/password/', { mobile: used, sms_code: spent, password: newPassword() });
      const code = await shopper.smsCode(sent);

      const answers = [
        await (await route(shopper, never))('000000'),
        await (await route(shopper, used))(spent),
        await (await route(shopper, sent))(wrong(code)),
        await (await route(shopper, sent))(wrong(code, 100_000)),
      ];

      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers[0]).toMatchObject(WRONG);
    },
  );

  it('a code is valid only for the mobile it was sent to', async () => {
    const attacker = app.shopper();
    const [own, victims] = [newMobile(), newMobile()];
    const code = await attacker.smsCode(own);
    await app.shopper().smsCode(victims);
    const form = await attacker.bindForm({ mobile: own, sms_code: code });

    expect(await attacker.bind({ ...form, mobile: victims })).toMatchObject(WRONG);
  });

  it('a new code replaces the one before', async () => {
    const shopper = app.shopper();
    const mobile = newMobile();
    const first = await withCode(111_111, () => shopper.smsCode(mobile));
    await aMinuteLater(mobile);
    const second = await withCode(222_222, () => shopper.smsCode(mobile));
    const form = await shopper.bindForm({ mobile, sms_code: first });

    expect(await shopper.bind(form)).toMatchObject(WRONG);
    expect((await shopper.bind({ ...form, sms_code: second })).status).toBe(200);
  });

  it.each(['12345', '1234567', '12345a', ' 12345', '123456\n', '１２３４５６', 123456, ['123456'], null])(
    'a malformed code is refused before it counts: %j',
    async (sms_code) => {
      const shopper = app.shopper();
      const mobile = newMobile();
      const access_token = await shopper.bindToken();

      const { body } = await shopper.bind({ mobile, password: newPassword(), sms_code, access_token });

      expect(body).toMatchObject({ errorCode: 'REQUEST_INVALID', errors: { sms_code: expect.any(Array) } });
      expect(await counted(app, 'sms-tries-per-mobile-day', mobile)).toBe(0);
    },
  );
});

describe('the codes themselves', () => {
  it('codes cannot be predicted with knowledge of Math.random', async () => {
    const shopper = app.shopper();
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    try {
      const pictures = new Set<string | null>();
      const codes = new Set<string>();
      for (let nth = 0; nth < 5; nth++) {
        pictures.add((await shopper.get(`/image_codes/${randomUUID()}/`)).headers.get('x-image-code'));
        codes.add(await shopper.smsCode(newMobile()));
      }

      expect(codes.size).toBe(5);
      expect(pictures.size).toBe(5);
    } finally {
      random.mockRestore();
    }
  });

  it('a code keeps its leading zeros', async () => {
    expect(await withCode(42, () => app.shopper().smsCode(newMobile()))).toBe('000042');
  });

  it('a code appears in no answer and in no log line', async () => {
    const shopper = app.shopper();
    const mobile = newMobile();
    const asked = await shopper.askForSms(mobile);
    const { code } = received(mobile)[0]!;
    app.logRecorder.keep(code);
    const form = await shopper.bindForm({ mobile, sms_code: code });
    const answers = [asked, await shopper.bind({ ...form, sms_code: wrong(code) }), await shopper.bind(form)];

    for (const { text } of answers) expect(text).not.toContain(code);
    expect(app.logRecorder.leaks()).toEqual([]);
    expect(app.logRecorder.lines).not.toContain(mobile);
  });
});

describe('SMS bombing', () => {
  afterEach(() => {
    app.sandbox.smsFault = 'none';
  });

  it('a mobile gets one SMS a minute, even with new pictures and addresses', async () => {
    const mobile = newMobile();
    expect((await app.shopper().askForSms(mobile)).status).toBe(200);

    const second = await app.shopper().askForSms(mobile);

    expect(second).toMatchObject(TOO_MANY);
    expect(retryAfter(second)).toBeGreaterThan(50);
    expect(retryAfter(second)).toBeLessThanOrEqual(60);
    expect(received(mobile)).toHaveLength(1);
  });

  it('a mobile gets five SMS an hour and ten a day', async () => {
    const mobile = newMobile();
    const ask = async () => {
      await aMinuteLater(mobile);
      return app.shopper().askForSms(mobile);
    };

    for (const hour of [1, 2]) {
      for (let nth = 0; nth < 5; nth++) expect((await ask()).status).toBe(200);
      const sixth = await ask();
      expect(sixth).toMatchObject(TOO_MANY);
      expect(retryAfter(sixth)).toBeGreaterThan(hour === 1 ? 3500 : 80_000);
      await forgetLimit(app, 'sms-per-mobile-hour', mobile);
    }

    expect(await ask()).toMatchObject(TOO_MANY);
    expect(received(mobile)).toHaveLength(10);
  });

  it('an address gets twenty SMS an hour, for any mobiles', async () => {
    const attacker = app.shopper();

    const answers = await atOnce(30, () => attacker.askForSms(newMobile()));

    expect(tally(answers)).toEqual({ 200: 20, TOO_MANY_REQUESTS: 10 });
    expect((await app.shopper().askForSms(newMobile())).status).toBe(200);
  });

  it('an address gets a hundred SMS a day', async () => {
    const attacker = app.shopper();
    await alreadyCounted(app, 'sms-per-ip-day', attacker.address, 99);

    expect(tally(await atOnce(5, () => attacker.askForSms(newMobile())))).toEqual({
      200: 1,
      TOO_MANY_REQUESTS: 4,
    });
  });

  it('an IPv6 customer counts as one address, whatever the size of the network', async () => {
    const attacker = app.shopper();
    const prefix = `2001:db8:${attacker.address.split('.')[1]}:${attacker.address.split('.')[2]}`;

    const answers = await atOnce(25, (index) => {
      const shopper = app.shopper();
      shopper.address = `${prefix}:${index}::${index + 1}`;
      return shopper.askForSms(newMobile());
    });

    expect(tally(answers)).toEqual({ 200: 20, TOO_MANY_REQUESTS: 5 });
  });

  it('the whole service has a daily SMS budget', async () => {
    const before = await counted(app, 'sms-budget-day', 'all');
    await alreadyCounted(app, 'sms-budget-day', 'all', app.config.SMS_DAILY_BUDGET - 3);

    const answers = await atOnce(10, () => app.shopper().askForSms(newMobile()));

    await alreadyCounted(app, 'sms-budget-day', 'all', before);
    expect(tally(answers)).toEqual({ 200: 3, TOO_MANY_REQUESTS: 7 });
  });

  it('fifty simultaneous requests for one mobile send one SMS', async () => {
    const mobile = newMobile();

    const answers = await atOnce(50, () => app.shopper().askForSms(mobile));

    expect(tally(answers)).toEqual({ 200: 1, TOO_MANY_REQUESTS: 49 });
    expect(received(mobile)).toHaveLength(1);
  });

  it('refused requests count neither for the mobile, nor for the address, nor for the budget', async () => {
    const [mobile, attacker] = [newMobile(), app.shopper()];
    await attacker.askForSms(mobile);
    const budget = await counted(app, 'sms-budget-day', 'all');

    for (let nth = 0; nth < 30; nth++) await attacker.askForSms(mobile);

    expect(await counted(app, 'sms-budget-day', 'all')).toBe(budget);
    expect(await counted(app, 'sms-per-ip-hour', attacker.address)).toBe(1);
    expect(await counted(app, 'sms-per-mobile-day', mobile)).toBe(1);
    await aMinuteLater(mobile);
    expect((await attacker.askForSms(mobile)).status).toBe(200);
  });

  it('a refusal by the gateway does not count, and the user may ask again at once', async () => {
    const [mobile, shopper] = [newMobile(), app.shopper()];
    const budget = await counted(app, 'sms-budget-day', 'all');
    app.sandbox.smsFault = 'refuse';

    for (let nth = 0; nth < 7; nth++)
      expect(await shopper.askForSms(mobile)).toMatchObject({
        status: 503,
        body: { errorCode: 'SMS_UNAVAILABLE' },
      });

    expect(await counted(app, 'sms-budget-day', 'all')).toBe(budget);
    app.sandbox.smsFault = 'none';
    expect((await shopper.askForSms(mobile)).status).toBe(200);
  });

  it('a failed send leaves the previous code as it was', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    await aMinuteLater(form.mobile);
    app.sandbox.smsFault = 'refuse';
    expect((await shopper.askForSms(form.mobile)).status).toBe(503);

    expect((await shopper.bind(form)).status).toBe(200);
  });

  it('no SMS is sent when Redis goes away before it could be counted', async () => {
    const mobile = newMobile();
    const evalsha = app.redis.evalsha.bind(app.redis) as (...args: unknown[]) => Promise<unknown>;
    const away = vi.spyOn(app.redis, 'evalsha').mockImplementation(async (...args: unknown[]) => {
      if (args.some((key) => String(key).includes('sms-per-mobile')))
        throw new Error('Connection is closed.');
      return evalsha(...args);
    });
    try {
      const shopper = app.shopper();
      const id = randomUUID();
      await app.redis.set(`qq:image_code:${id}`, 'KKKK', 'EX', 300);

      const answer = await shopper.post('/sms_codes/', { mobile, image_code_id: id, image_code: 'KKKK' });

      expect(answer).toMatchObject({ status: 503, body: { errorCode: 'UNAVAILABLE' } });
      expect(received(mobile)).toEqual([]);
    } finally {
      away.mockRestore();
    }
  });

  it('without a trusted proxy, a forged X-Forwarded-For gets no new SMS budget', async () => {
    const exposed = await startApp({ beside: app, env: { TRUST_PROXY: '' } });
    try {
      await forgetLimit(exposed, 'sms-per-ip-hour', '127.0.0.1');
      const answers = await atOnce(25, () => exposed.shopper().askForSms(newMobile()));

      expect(tally(answers)).toEqual({ 200: 20, TOO_MANY_REQUESTS: 5 });
    } finally {
      await exposed.close();
    }
  });

  it("entries that an attacker writes before the proxy's get no new SMS budget", async () => {
    const attacker = app.shopper();
    const { address } = attacker;

    const answers = await atOnce(25, (index) => {
      const shopper = app.shopper();
      shopper.address = `203.0.113.${index}, ${address}`;
      return shopper.askForSms(newMobile());
    });

    expect(tally(answers)).toEqual({ 200: 20, TOO_MANY_REQUESTS: 5 });
  });
});

describe('the picture in front of it', () => {
  const drawn = async (shopper: Shopper) => {
    const id = randomUUID();
    const { headers } = await shopper.get(`/image_codes/${id}/`);
    return { image_code_id: id, image_code: headers.get('x-image-code') ?? '' };
  };
  const INVALID = { status: 400, body: { errorCode: 'IMAGE_CODE_INVALID' } };

  it('a picture is accepted once, even of fifty simultaneous requests', async () => {
    const shopper = app.shopper();
    const picture = await drawn(shopper);

    const answers = await atOnce(50, () =>
      app.shopper().post('/sms_codes/', { mobile: newMobile(), ...picture }),
    );

    expect(tally(answers)).toEqual({ 200: 1, IMAGE_CODE_INVALID: 49 });
  });

  it('a picture is used up by a wrong guess', async () => {
    const shopper = app.shopper();
    const picture = await drawn(shopper);
    const form = { mobile: newMobile(), ...picture };

    expect(await shopper.post('/sms_codes/', { ...form, image_code: '0000' })).toMatchObject(INVALID);
    expect(await shopper.post('/sms_codes/', form)).toMatchObject(INVALID);
  });

  it('a picture that was never drawn is not accepted', async () => {
    const form = { mobile: newMobile(), image_code_id: randomUUID(), image_code: 'NULL' };

    expect(await app.shopper().post('/sms_codes/', form)).toMatchObject(INVALID);
  });

  it("a picture's text is accepted in any case of letters", async () => {
    const shopper = app.shopper();
    const { image_code_id, image_code } = await drawn(shopper);

    const answer = await shopper.post('/sms_codes/', {
      mobile: newMobile(),
      image_code_id: image_code_id.toUpperCase(),
      image_code: image_code.toLowerCase(),
    });

    expect(answer.status).toBe(200);
  });

  it("a picture's answer contains its text only for the sandbox", async () => {
    const shop = await startApp({ beside: app, env: { IMAGE_CODE_HEADER: 'off' } });
    try {
      const { headers, text } = await shop.shopper().get(`/image_codes/${randomUUID()}/`);

      expect(headers.has('x-image-code')).toBe(false);
      expect(text).toContain('PNG');
    } finally {
      await shop.close();
    }
  });
});

describe('asking for a code to find out who is a customer', () => {
  it('POST /sms_codes/ gives the same answer whether or not the mobile has an account', async () => {
    const customer = await app.shopper().register();
    await aMinuteLater(customer.mobile);

    const known = await app.shopper().askForSms(customer.mobile);
    const unknown = await app.shopper().askForSms(newMobile());

    expect(known.status).toBe(200);
    expect(known.text).toBe(unknown.text);
    expect([...known.headers.keys()]).toEqual([...unknown.headers.keys()]);
  });

  it('a second POST /sms_codes/ that comes too soon gives the same answer too', async () => {
    const customer = await app.shopper().register();
    const stranger = newMobile();
    await app.shopper().askForSms(stranger);

    const known = await app.shopper().askForSms(customer.mobile);
    const unknown = await app.shopper().askForSms(stranger);

    expect(known).toMatchObject(TOO_MANY);
    expect(known.text).toBe(unknown.text);
  });

  it('without the phone, a bind reveals neither the account nor whether the password is right', async () => {
    const attacker = app.shopper();
    const customer = await app.shopper().register();
    const access_token = await attacker.bindToken(newQq());
    const form = { access_token, sms_code: '000000' };

    const answers = [
      await attacker.bind({ ...form, mobile: customer.mobile, password: customer.password }),
      await attacker.bind({ ...form, mobile: customer.mobile, password: newPassword() }),
      await attacker.bind({ ...form, mobile: newMobile(), password: newPassword() }),
    ];

    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('without the phone, a registration does not reveal whether the mobile has an account', async () => {
    const attacker = app.shopper();
    const customer = await app.shopper().register();
    const { username } = customer;
    const form = { username, password: newPassword(), sms_code: '000000' };

    const answers = [
      await attacker.post('/users/', { ...form, mobile: customer.mobile }),
      await attacker.post('/users/', { ...form, mobile: newMobile() }),
    ];

    expect(answers[0]).toMatchObject(WRONG);
    expect(answers[0]!.text).toBe(answers[1]!.text);
  });
});

describe("using up another person's daily tries", () => {
  const polling = (sms_code: string, mobile: string) => [
    (stranger: Shopper) => stranger.post('/user/password/', { mobile, password: newPassword(), sms_code }),
    (stranger: Shopper) =>
      stranger.post('/users/', { mobile, password: newPassword(), sms_code, username: newName() }),
  ];

  it('a try at a mobile without a code does not count for its day', async () => {
    const mobile = newMobile();
    for (let nth = 0; nth < 12; nth += 1)
      for (const poll of polling('000000', mobile)) await poll(app.shopper());

    expect(await counted(app, 'sms-tries-per-mobile-day', mobile)).toBe(0);
    const owner = app.shopper();
    expect((await owner.bind(await owner.bindForm({ mobile }))).status).toBe(200);
  });

  it.each(routes)('a try by %s at an exhausted code does not count for the day', async (_, route) => {
    const mobile = newMobile();
    const code = await app.shopper().smsCode(mobile);
    const guess = await route(app.shopper(), mobile);
    for (let nth = 1; nth <= 8; nth++) expect(await guess(wrong(code, nth))).toMatchObject(WRONG);

    expect(await counted(app, 'sms-tries-per-mobile-day', mobile)).toBe(5);
  });

  it('polling one mobile from one network ends after ten tries in a quarter of an hour', async () => {
    const [stranger, mobile] = [app.shopper(), newMobile()];
    const [reset, register] = polling('000000', mobile);

    const answers = await atOnce(24, (index) => (index % 2 ? reset! : register!)(stranger));

    expect(tally(answers)).toEqual({ SMS_CODE_INVALID: 10, TOO_MANY_REQUESTS: 14 });
    expect(await reset!(app.shopper())).toMatchObject(WRONG);
    expect(await polling('000000', newMobile())[0]!(stranger)).toMatchObject(WRONG);
  });
});
