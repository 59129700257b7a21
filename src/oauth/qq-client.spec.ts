import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { Problem } from '../common/problem.js';
import { QqClient } from './qq-client.js';

const OPENID = '0123456789ABCDEF0123456789ABCDEF';
const OTHER = 'FEDCBA9876543210FEDCBA9876543210';
const UNIONID = 'UID_0123456789ABCDEF0123456789ABCDEF';

/** QQ, answering byte for byte what a test puts here, by path. */
let answers: Record<string, string | { status: number; body: string }>;
const asked: string[] = [];
let sockets: Set<unknown>;
let qq: Server;
let base: string;

beforeAll(async () => {
  Logger.overrideLogger(false);
  sockets = new Set();
  qq = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://qq');
    asked.push(request.url!);
    const answer = answers[pathname];
    if (answer === 'hang') return;
    if (answer === 'reset') {
      request.socket.destroy();
      return;
    }
    const { status, body } = typeof answer === 'object' ? answer : { status: 200, body: answer ?? '' };
    response.writeHead(status, { 'content-type': 'text/html' }).end(body);
  });
  qq.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => qq.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(qq.address() as AddressInfo).port}`;
});

afterAll(() => {
  qq.closeAllConnections();
  qq.close();
});

beforeEach(() => {
  asked.length = 0;
  answers = {};
});

/** The request that asks. */
const ASKING = { requestId: 'request-0123456789' };

async function identify(env: Record<string, string> = {}, times = 1): Promise<unknown> {
  return withClient(env, async (client) => {
    let identity: unknown;
    for (let time = 0; time < times; time += 1) identity = await client.identify('A1B2', ASKING);
    return identity;
  });
}

async function withClient(
  env: Record<string, string>,
  work: (client: QqClient) => Promise<unknown>,
): Promise<unknown> {
  const client = new QqClient(
    loadConfig({
      NODE_ENV: 'test',
      JWT_SECRET: 'x'.repeat(32),
      QQ_BASE_URL: base,
      QQ_TIMEOUT_MS: '500',
      ...env,
    }),
  );
  try {
    return await work(client);
  } catch (error) {
    return error instanceof Problem ? error.code : error;
  } finally {
    await client.onApplicationShutdown();
  }
}

const token = (more: object = { openid: OPENID }) =>
  JSON.stringify({ access_token: 'FE04', expires_in: '5184000', refresh_token: '88E4', ...more });

describe('QqClient', () => {
  it('QqClient asks once, for JSON and the openid, over connections that it keeps', async () => {
    answers['/oauth2.0/token'] = token();
    sockets.clear();

    expect(await identify({}, 10)).toEqual({ openid: OPENID });

    expect(asked).toHaveLength(10);
    // The next call may begin before undici has put the connection back, which opens a second one.
    expect(sockets.size).toBeLessThanOrEqual(2);
    expect(Object.fromEntries(new URL(asked[0]!, base).searchParams)).toEqual({
      grant_type: 'authorization_code',
      client_id: '101000001',
      client_secret: 'sandbox-app-key',
      code: 'A1B2',
      redirect_uri: 'http://localhost:3000/oauth_callback.html',
      fmt: 'json',
      need_openid: '1',
    });
  });

  it.each([
    ['JSONP', `callback( ${token()} );\n`],
    ['the urlencoded default', `access_token=FE04&expires_in=5184000&refresh_token=88E4&openid=${OPENID}`],
  ])('QqClient also reads %s, in case QQ ignores fmt=json', async (_, body) => {
    answers['/oauth2.0/token'] = body;

    expect(await identify()).toEqual({ openid: OPENID });
  });

  it.each([100018, 100019, 100020, 100067, 100068])(
    'QqClient throws QQ_CODE_INVALID for error %i with status 200',
    async (error) => {
      const body = JSON.stringify({ error, error_description: 'code to access token error' });
      answers['/oauth2.0/token'] = body;
      expect(await identify()).toBe('QQ_CODE_INVALID');

      answers['/oauth2.0/token'] = `callback( ${body} );\n`;
      expect(await identify()).toBe('QQ_CODE_INVALID');
    },
  );

  it.each([100000, 100001, 100008, 100009, 100010, 100012, 100031, 100048, 110401, 110406])(
    'QqClient throws QQ_UNAVAILABLE for error %i: our registration is wrong',
    async (error) => {
      answers['/oauth2.0/token'] = JSON.stringify({ error, error_description: 'no' });

      expect(await identify()).toBe('QQ_UNAVAILABLE');
    },
  );

  it.each([
    ['an error page', { status: 502, body: '<html><body>Bad Gateway</body></html>' }],
    ['HTML with status 200', '<!DOCTYPE html><html lang="en">hello</html>'],
    ['JSONP that was cut off', 'callback( {"client_id":"101000001","open'],
    ['JSON that was cut off', '{"access_token":"FE04","openid":"0123'],
    ['nothing', ''],
    ['no openid', token({})],
    ['an empty openid', token({ openid: '' })],
    ['an openid of another form', token({ openid: `${OPENID}'--` })],
    ['an openid that is a list', token({ openid: [OPENID] })],
    ['JSON that is a list', '[]'],
    ['JSON that is null', 'null'],
    ['more than it should', token({ padding: 'x'.repeat(20_000) })],
    ['a reset', 'reset'],
    ['silence', 'hang'],
  ] as const)('QqClient throws QQ_UNAVAILABLE for %s, and never asks twice', async (_, answer) => {
    answers['/oauth2.0/token'] = answer;

    expect(await identify()).toBe('QQ_UNAVAILABLE');
    expect(asked).toHaveLength(1);
  });

  it('QqClient throws QQ_UNAVAILABLE when QQ cannot be reached', async () => {
    expect(await identify({ QQ_BASE_URL: 'http://127.0.0.1:1' })).toBe('QQ_UNAVAILABLE');
  });

  describe('with QQ_UNIONID', () => {
    const me = (more: object = {}) =>
      `callback( ${JSON.stringify({ client_id: '101000001', openid: OPENID, unionid: UNIONID, ...more })} );\n`;

    beforeEach(() => {
      answers['/oauth2.0/token'] = token();
    });

    it('QQ_UNIONID asks /me for the unionid', async () => {
      answers['/oauth2.0/me'] = me();

      expect(await identify({ QQ_UNIONID: 'true' })).toEqual({ openid: OPENID, unionid: UNIONID });
      expect(asked[1]).toBe('/oauth2.0/me?access_token=FE04&unionid=1&fmt=json');
    });

    it.each([
      ['a foreign client_id', me({ client_id: '101999999' })],
      ['no client_id', me({ client_id: undefined })],
      ['another openid', me({ openid: OTHER })],
      ['no unionid', me({ unionid: undefined })],
      [
        'error 100048, no permission',
        'callback( {"error":100048,"error_description":"companyid not set"} );\n',
      ],
    ])('QQ_UNIONID: throws QQ_UNAVAILABLE for %s', async (_, answer) => {
      answers['/oauth2.0/me'] = answer;

      expect(await identify({ QQ_UNIONID: 'true' })).toBe('QQ_UNAVAILABLE');
    });

    it.each([100013, 100014, 100015, 100016, 100019])(
      'QQ_UNIONID: throws QQ_UNAVAILABLE for error %i of /me, and the log names the missing permission',
      async (error) => {
        const lines = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
        answers['/oauth2.0/me'] = `callback( ${JSON.stringify({ error, error_description: 'no' })} );\n`;
        try {
          expect(await identify({ QQ_UNIONID: 'true' })).toBe('QQ_UNAVAILABLE');
          expect(lines.mock.calls).toEqual([
            [
              'QQ refused our app',
              { ...ASKING, path: '/oauth2.0/me', code: error, meaning: expect.any(String) },
            ],
          ]);
          if (error !== 100019) expect(JSON.stringify(lines.mock.calls)).toContain('unionid permission');
        } finally {
          lines.mockRestore();
        }
      },
    );

    it('QQ_UNIONID: both calls together get four seconds, or what one call may take', async () => {
      answers['/oauth2.0/me'] = 'hang';
      const start = performance.now();

      expect(await identify({ QQ_UNIONID: 'true', QQ_TIMEOUT_MS: '300' })).toBe('QQ_UNAVAILABLE');

      expect(performance.now() - start).toBeLessThan(2000);
    });
  });

  describe('with QQ_PROFILE', () => {
    const PICTURE = 'http://thirdqq.qlogo.cn/g?b=oidb&k=abc&s=100';
    const profile = async (info: unknown, env: Record<string, string> = {}): Promise<unknown> => {
      answers['/oauth2.0/token'] = token();
      answers['/user/get_user_info'] =
        typeof info === 'string' ? info : JSON.stringify({ ret: 0, msg: '', ...(info as object) });
      return withClient({ QQ_PROFILE: 'true', ...env }, async (client) =>
        client.profileOf(await client.identify('A1B2', ASKING), ASKING),
      );
    };

    it("QQ_PROFILE asks for nickname and picture, and makes the picture's URL https", async () => {
      expect(
        await profile({
          nickname: '小企鹅🐧',
          figureurl_qq_1: 'http://q.qlogo.cn/40',
          figureurl_qq_2: PICTURE,
        }),
      ).toEqual({
        nickname: '小企鹅🐧',
        avatar: PICTURE.replace('http:', 'https:'),
      });
      expect(asked[1]).toBe(
        `/user/get_user_info?access_token=FE04&oauth_consumer_key=101000001&openid=${OPENID}`,
      );
    });

    it('QQ_PROFILE takes the smaller picture when there is no other', async () => {
      expect(
        await profile({ nickname: '', figureurl_qq_1: 'http://q.qlogo.cn/40', figureurl_qq_2: '' }),
      ).toEqual({
        avatar: 'https://q.qlogo.cn/40',
      });
    });

    it("QQ_PROFILE accepts the stand-in's own pictures", async () => {
      expect(await profile({ figureurl_qq_1: `${base}/pages/person.svg` })).toEqual({
        avatar: `${base}/pages/person.svg`,
      });
    });

    it.each([
      'http://evil.example/a.png',
      'https://qlogo.cn.evil.example/a.png',
      'https://evilqlogo.cn/a.png',
      'https://q.qlogo.cn:8443/a.png',
      'https://me@q.qlogo.cn/a.png',
      'javascript:alert(1)//.qlogo.cn',
      'data:image/png;base64,AAAA',
      '/a.png',
      `https://q.qlogo.cn/${'x'.repeat(500)}`,
      42,
      null,
    ])('QQ_PROFILE shows no picture from another host: %s', async (figureurl_qq_2) => {
      expect(await profile({ nickname: 'A', figureurl_qq_2 })).toEqual({ nickname: 'A' });
    });

    it('QQ_PROFILE shows a nickname without control characters, cut to 64 characters', async () => {
      expect(await profile({ nickname: ' A\u0000\u202eB\nC ' })).toEqual({ nickname: 'ABC' });
      expect(await profile({ nickname: '🐧'.repeat(70) })).toEqual({ nickname: '🐧'.repeat(64) });
      expect(await profile({ nickname: ['A'] })).toEqual({});
    });

    it.each([
      ['an error', '{"ret":1002,"msg":"请先登录"}'],
      ['HTML', '<html></html>'],
      ['a reset', 'reset'],
      ['silence', 'hang'],
    ])('QQ_PROFILE: %s of QQ gives no profile and no failure', async (_, answer) => {
      expect(await profile(answer)).toEqual({});
    });

    it('without QQ_PROFILE, QQ is not asked for a profile', async () => {
      expect(await profile({ nickname: 'A' }, { QQ_PROFILE: 'false' })).toEqual({});
      expect(asked).toHaveLength(1);
    });
  });
});
