import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Rule } from '../../src/limits/rules.js';
import { counted, forgetLimit } from '../support/fixtures.js';
import { newMobile } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp();
});
afterEach(() => {
  app.sandbox.smsFault = 'none';
});
afterAll(() => app.close());

const PER_MOBILE: Rule[] = ['sms-per-mobile-minute', 'sms-per-mobile-hour', 'sms-per-mobile-day'];
const PER_NETWORK: Rule[] = ['sms-per-ip-hour', 'sms-per-ip-day'];
const arrived = (mobile: string) => app.sandbox.messages(mobile);
const aMinuteLater = (mobile: string) => forgetLimit(app, 'sms-per-mobile-minute', mobile);

describe('a gateway that may have sent the message', () => {
  it('a gateway that answers after five and a half seconds: 202 in less than five, counted, and the code works', async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const before = await counted(app, 'sms-budget-day', 'all');
    app.sandbox.setSmsFault({ mode: 'slow', ms: 5500 });

    const answer = await shopper.askForSms(mobile);
    const answeredAt = Date.now();

    expect(answer).toMatchObject({
      status: 202,
      body: { message: '验证码已发送', expires_in: 300, resend_after: 60 },
    });
    expect(answeredAt - Date.parse(arrived(mobile)[0]!.at)).toBeLessThan(5000);
    for (const rule of PER_MOBILE) expect(await counted(app, rule, mobile), rule).toBe(1);
    for (const rule of PER_NETWORK) expect(await counted(app, rule, shopper.address), rule).toBe(1);
    expect(await counted(app, 'sms-budget-day', 'all')).toBe(before + 1);
    expect(await app.shopper().askForSms(mobile)).toMatchObject({
      status: 429,
      body: { errorCode: 'TOO_MANY_REQUESTS' },
    });
    const { code } = arrived(mobile)[0]!;
    expect((await shopper.bind(await shopper.bindForm({ mobile, sms_code: code }))).status).toBe(200);
  });

  it("a gateway that hangs up: 202, counted, and the answer's body is as for any other message", async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const sent = await shopper.askForSms(newMobile());
    app.sandbox.smsFault = 'reset';

    const answer = await shopper.askForSms(mobile);

    expect(answer.status).toBe(202);
    expect(answer.text).toBe(sent.text);
    for (const rule of PER_MOBILE) expect(await counted(app, rule, mobile), rule).toBe(1);
  });

  it("a code works from the moment its message may have arrived, before the gateway's answer", async () => {
    const [shopper, mobile] = [app.shopper(), newMobile()];
    const access_token = await shopper.bindToken();
    app.sandbox.setSmsFault({ mode: 'slow', ms: 2000 });

    const asking = shopper.askForSms(mobile);
    await vi.waitFor(() => expect(arrived(mobile)).toHaveLength(1));
    const { code } = arrived(mobile)[0]!;
    const form = await shopper.bindForm({ mobile, access_token, sms_code: code });
    expect((await shopper.bind(form)).status).toBe(200);

    expect((await asking).status).toBe(200);
  });
});

describe('a gateway that certainly did not send', () => {
  it('a message that was certainly not sent leaves the previous code with its digits, life and tries', async () => {
    const shopper = app.shopper();
    const form = await shopper.bindForm();
    const { mobile, sms_code } = form;
    const wrong = sms_code === '111111' ? '222222' : '111111';
    for (let nth = 0; nth < 4; nth++) await shopper.bind({ ...form, sms_code: wrong });
    await app.redis.pexpire(`sms_${mobile}`, 100_000);
    await aMinuteLater(mobile);
    app.sandbox.smsFault = 'refuse';

    expect((await shopper.askForSms(mobile)).status).toBe(503);

    expect(await app.redis.get(`sms_${mobile}`)).toBe(sms_code);
    expect(await app.redis.pttl(`sms_${mobile}`)).toBeLessThanOrEqual(100_000);
    expect(await app.redis.pttl(`sms_${mobile}`)).toBeGreaterThan(90_000);
    await shopper.bind({ ...form, sms_code: wrong });
    expect((await shopper.bind(form)).body.errorCode).toBe('SMS_CODE_INVALID');
  });

  it('a message that was certainly not sent leaves no code when there was none', async () => {
    const mobile = newMobile();
    app.sandbox.smsFault = 'refuse';

    expect((await app.shopper().askForSms(mobile)).status).toBe(503);

    expect(await app.redis.exists(`sms_${mobile}`)).toBe(0);
  });

  it('a gateway that cannot be reached: 503, nothing counted, and the user may ask again at once', async () => {
    const away = await startApp({ beside: app, env: { SMS_HTTP_URL: 'http://127.0.0.1:1/send' } });
    try {
      const [shopper, mobile] = [away.shopper(), newMobile()];

      for (let nth = 0; nth < 3; nth++)
        expect(await shopper.askForSms(mobile)).toMatchObject({
          status: 503,
          body: { errorCode: 'SMS_UNAVAILABLE' },
        });

      for (const rule of PER_MOBILE) expect(await counted(app, rule, mobile), rule).toBe(0);
    } finally {
      await away.close();
    }
  });
});
