import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { counted } from '../support/fixtures.js';
import { newMobile } from '../support/shopper.js';
import { AliyunStandIn, TencentStandIn } from '../support/sms-vendors.js';
import { type App, startApp } from '../support/start-app.js';

let main: App;
let aliyun: AliyunStandIn;
let tencent: TencentStandIn;
const apps = new Map<string, App>();
const atEnd: (() => void)[] = [];

beforeAll(async () => {
  main = await startApp();
  [aliyun, tencent] = await Promise.all([new AliyunStandIn().start(), new TencentStandIn().start()]);
  main.logRecorder.keep(
    aliyun.env.SMS_ALIYUN_ACCESS_KEY_SECRET,
    aliyun.env.SMS_ALIYUN_ACCESS_KEY_ID,
    tencent.env.SMS_TENCENT_SECRET_KEY,
    tencent.env.SMS_TENCENT_SECRET_ID,
  );
});
afterEach(() => {
  aliyun.mood = 'sends';
  tencent.mood = 'sends';
  aliyun.messages.length = 0;
  tencent.messages.length = 0;
});
afterAll(async () => {
  for (const app of apps.values()) await app.close();
  for (const end of atEnd) end();
  await main.close();
  aliyun.stop();
  tencent.stop();
});

/** The URL of a server that accepts no connection, because its queue of connections is full. */
async function listeningInVain(): Promise<string> {
  const listen =
    "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})";
  const server = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const port = Number(String(line));
  server.kill('SIGSTOP');
  const queued: Socket[] = [];
  atEnd.push(() => {
    for (const socket of queued) socket.destroy();
    server.kill('SIGKILL');
  });
  for (let full = false; !full;) {
    const socket = connect(port, '127.0.0.1');
    queued.push(socket);
    full = await Promise.race([once(socket, 'connect').then(() => false), delay(500, true)]);
  }
  return `http://127.0.0.1:${port}/send`;
}

/** The service with these gateways. Tests with the same gateways share one. */
async function withGateways(names: string, env: Record<string, string> = {}): Promise<App> {
  const key = `${names} ${JSON.stringify(env)}`;
  const known = apps.get(key);
  if (known) return known;
  const app = await startApp({
    beside: main,
    env: { SMS_GATEWAY: names, ...aliyun.env, ...tencent.env, ...env },
  });
  apps.set(key, app);
  return app;
}

const codeIn = (params: unknown): string => Object.values(params as object)[0] as string;
const VENDORS = ['aliyun', 'tencent'] as const;
const standIn = (name: (typeof VENDORS)[number]) => ({ aliyun, tencent })[name];

describe.each(VENDORS)('%s', (name) => {
  it('the vendor gets the code in its template, signed as its documents say, and the code works', async () => {
    const app = await withGateways(name);
    const [shopper, mobile] = [app.shopper(), newMobile()];

    expect((await shopper.askForSms(mobile)).status).toBe(200);

    const [message, ...more] = standIn(name).messages;
    expect(more).toEqual([]);
    const sms_code = codeIn(message!.params);
    main.logRecorder.keep(sms_code, mobile);
    const expected = {
      aliyun: { sign: '美多商城 (测试)*', template: 'SMS_154950909', params: { code: sms_code, time: '5' } },
      tencent: { sign: '美多商城', template: '1110', params: [sms_code, '5'] },
    };
    expect(message).toMatchObject({ mobile, ...expected[name] });
    expect((await shopper.bind(await shopper.bindForm({ mobile, sms_code }))).status).toBe(200);
  });

  it('refuses a wrong key: 503, nothing counted, an error in the log that has no key in it', async () => {
    const wrong = {
      aliyun: { SMS_ALIYUN_ACCESS_KEY_SECRET: 'another-secret-of-nobody' },
      tencent: { SMS_TENCENT_SECRET_KEY: 'another-secret-of-nobody' },
    };
    main.logRecorder.keep('another-secret-of-nobody');
    const app = await withGateways(name, wrong[name]);
    const mobile = newMobile();

    const answer = await app.shopper().askForSms(mobile);

    expect(answer).toMatchObject({ status: 503, body: { errorCode: 'SMS_UNAVAILABLE' } });
    const code = { aliyun: 'SignatureDoesNotMatch', tencent: 'AuthFailure.SignatureFailure' }[name];
    expect(standIn(name).refused).toContain(code);
    expect(standIn(name).messages).toEqual([]);
    expect(await counted(app, 'sms-per-mobile-minute', mobile)).toBe(0);
    expect(errorLines(app, code)).not.toEqual([]);
  });
});

/** The error lines of the log that name this code. */
const errorLines = (app: App, code: string): string[] =>
  app.logRecorder.lines
    .split('\n')
    .filter((line) => /"level":(50|"error")|\bERROR\b/i.test(line) && line.includes(code));

describe("a number that has had its vendor's share", () => {
  it.each([
    ['aliyun', { code: 'isv.BUSINESS_LIMIT_CONTROL', message: '触发分钟级流控Permits:1' }, 60, 60],
    ['aliyun', { code: 'isv.BUSINESS_LIMIT_CONTROL', message: '触发小时级流控Permits:5' }, 3600, 3600],
    ['aliyun', { code: 'isv.BUSINESS_LIMIT_CONTROL', message: '触发天级流控Permits:10' }, 1, 86_400],
    ['tencent', { code: 'LimitExceeded.PhoneNumberThirtySecondLimit' }, 30, 30],
    ['tencent', { code: 'LimitExceeded.DeliveryFrequencyLimit' }, 60, 60],
    ['tencent', { code: 'LimitExceeded.PhoneNumberOneHourLimit' }, 3600, 3600],
    ['tencent', { code: 'LimitExceeded.PhoneNumberDailyLimit' }, 1, 86_400],
  ] as const)(
    'a number over its limit (%s says %o): 429 with Retry-After, nothing counted, no other gateway asked',
    async (name, mood, from, to) => {
      const other = name === 'aliyun' ? 'tencent' : 'aliyun';
      const app = await withGateways(`${name},${other}`);
      standIn(name).mood = mood;
      const mobile = newMobile();

      const answer = await app.shopper().askForSms(mobile);

      expect(answer).toMatchObject({ status: 429, body: { errorCode: 'TOO_MANY_REQUESTS' } });
      const seconds = Number(answer.headers.get('retry-after'));
      expect(seconds).toBeGreaterThanOrEqual(from);
      expect(seconds).toBeLessThanOrEqual(to);
      expect(await counted(app, 'sms-per-mobile-minute', mobile)).toBe(0);
      expect(await app.redis.exists(`sms_${mobile}`)).toBe(0);
      expect(standIn(other).messages).toEqual([]);
    },
  );
});

describe('a number that the vendor does not send to', () => {
  it.each([
    ['aliyun', 'isv.MOBILE_NUMBER_ILLEGAL'],
    ['aliyun', 'isv.BLACK_KEY_CONTROL_LIMIT'],
    ['tencent', 'FailedOperation.PhoneNumberInBlacklist'],
    ['tencent', 'InvalidParameterValue.IncorrectPhoneNumber'],
  ] as const)(
    'a refused number (%s says %s): 400 under the field, no other gateway asked',
    async (name, code) => {
      const other = name === 'aliyun' ? 'tencent' : 'aliyun';
      const app = await withGateways(`${name},${other}`);
      standIn(name).mood = { code };

      const answer = await app.shopper().askForSms(newMobile());

      expect(answer).toMatchObject({
        status: 400,
        body: { errorCode: 'REQUEST_INVALID', errors: { mobile: ['该手机号无法接收短信，请换一个手机号'] } },
      });
      expect(standIn(other).messages).toEqual([]);
    },
  );
});

describe('what the shop has to mend', () => {
  it.each([
    ['aliyun', 'isv.AMOUNT_NOT_ENOUGH'],
    ['aliyun', 'isv.SMS_SIGNATURE_ILLEGAL'],
    ['aliyun', 'isv.SMS_TEMPLATE_ILLEGAL'],
    ['aliyun', 'isv.DAY_LIMIT_CONTROL'],
    ['aliyun', 'ok'],
    ['tencent', 'FailedOperation.InsufficientBalanceInSmsPackage'],
    ['tencent', 'FailedOperation.SignatureIncorrectOrUnapproved'],
    ['tencent', 'FailedOperation.TemplateIncorrectOrUnapproved'],
    ['tencent', 'LimitExceeded.AppDailyLimit'],
    ['tencent', 'InternalError.SigVerificationFail'],
    ['tencent', 'OK'],
  ] as const)(
    'a refused shop (%s says %s): 503 and an error in the log; a second gateway sends',
    async (name, code) => {
      const other = name === 'aliyun' ? 'tencent' : 'aliyun';
      const [alone, both] = [await withGateways(name), await withGateways(`${name},${other}`)];
      standIn(name).mood = { code };
      const mobile = newMobile();

      expect(await alone.shopper().askForSms(mobile)).toMatchObject({
        status: 503,
        body: { errorCode: 'SMS_UNAVAILABLE' },
      });
      expect(errorLines(alone, code)).not.toEqual([]);
      expect(await counted(alone, 'sms-per-mobile-minute', mobile)).toBe(0);

      expect((await both.shopper().askForSms(mobile)).status).toBe(200);
      expect(standIn(other).messages).toMatchObject([{ mobile }]);
      expect(await both.redis.get(`sms_${mobile}`)).toBe(codeIn(standIn(other).messages[0]!.params));
    },
  );
});

describe('a vendor that does not say what became of the message', () => {
  it.each([
    ['aliyun', 'hangs up'],
    ['aliyun', { status: 200, text: '<html>OK</html>' }],
    ['aliyun', { status: 200, text: '{"Code":"OK"' }],
    ['aliyun', { status: 502, text: 'Bad Gateway' }],
    ['aliyun', { code: 'isp.SYSTEM_ERROR' }],
    ['tencent', 'hangs up'],
    ['tencent', { status: 200, text: '{"Response":{"RequestId":"1"}}' }],
    ['tencent', { status: 504, text: '' }],
    ['tencent', { code: 'InternalError.Timeout' }],
    ['tencent', { code: 'InternalError.SendAndRecvFail' }],
  ] as const)(
    'an unknown outcome (%s: %o): 202, counted, the code works, and no other gateway is asked',
    async (name, mood) => {
      const other = name === 'aliyun' ? 'tencent' : 'aliyun';
      const app = await withGateways(`${name},${other}`);
      standIn(name).mood = mood;
      const mobile = newMobile();

      expect((await app.shopper().askForSms(mobile)).status).toBe(202);

      expect(standIn(name).messages).toMatchObject([{ mobile }]);
      expect(standIn(other).messages).toEqual([]);
      expect(await counted(app, 'sms-per-mobile-minute', mobile)).toBe(1);
      expect(await app.redis.get(`sms_${mobile}`)).toBe(codeIn(standIn(name).messages[0]!.params));
    },
  );

  it.each(VENDORS)('%s never answers: 202, and no other gateway is asked', async (name) => {
    const other = name === 'aliyun' ? 'tencent' : 'aliyun';
    const app = await withGateways(`${name},${other}`);
    standIn(name).mood = 'silent';

    expect((await app.shopper().askForSms(newMobile())).status).toBe(202);

    expect(standIn(other).messages).toEqual([]);
  });
});

describe('a gateway that cannot be reached', () => {
  it.each([
    ['aliyun,tencent', { SMS_ALIYUN_ENDPOINT: 'http://127.0.0.1:1' }, 'tencent'],
    ['tencent,aliyun', { SMS_TENCENT_ENDPOINT: 'http://127.0.0.1:1' }, 'aliyun'],
    ['http,aliyun', { SMS_HTTP_URL: 'http://127.0.0.1:1/send' }, 'aliyun'],
  ] as const)(
    'the first gateway cannot be reached (%s): the second one sends',
    async (names, env, second) => {
      const app = await withGateways(names, env);
      const mobile = newMobile();

      expect((await app.shopper().askForSms(mobile)).status).toBe(200);

      expect(standIn(second).messages).toMatchObject([{ mobile }]);
    },
  );

  it('a gateway that accepts no connection leaves the second one enough of the four seconds', async () => {
    const app = await withGateways('http,tencent', { SMS_HTTP_URL: await listeningInVain() });
    const mobile = newMobile();

    expect((await app.shopper().askForSms(mobile)).status).toBe(200);

    expect(tencent.messages).toMatchObject([{ mobile }]);
  });

  it('when no gateway can be reached: 503, nothing counted', async () => {
    const app = await withGateways('aliyun,tencent', {
      SMS_ALIYUN_ENDPOINT: 'http://127.0.0.1:1',
      SMS_TENCENT_ENDPOINT: 'http://127.0.0.1:1',
    });
    const mobile = newMobile();

    expect(await app.shopper().askForSms(mobile)).toMatchObject({
      status: 503,
      body: { errorCode: 'SMS_UNAVAILABLE' },
    });
    expect(await counted(app, 'sms-per-mobile-minute', mobile)).toBe(0);
  });
});
