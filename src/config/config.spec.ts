import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutValues, loadEnvFile } from './env-file.js';
import { withKeptSecret } from './kept-secret.js';
import { loadConfig } from './load-config.js';

const here = process.cwd();

const SECRET = 'x8Jq0v3LrT6yWn1ZbK5mCd9HsF2gAe7P';

/** Everything that production asks for. */
const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'mysql://shop:p%40ss@db.example:3306/shop',
  REDIS_URL: 'redis://:secret@redis.example:6379/2',
  JWT_SECRET: SECRET,
  PUBLIC_URL: 'https://shop.example',
  QQ_APP_ID: '101000001',
  QQ_APP_KEY: 'a-key-of-qq',
  QQ_REDIRECT_URI: 'https://shop.example/oauth_callback.html',
  SMS_GATEWAY: 'http',
  SMS_HTTP_URL: 'https://sms.example/send?v=1',
  SMS_HTTP_KEY: 'a-key-of-the-gateway',
};

beforeAll(() => {
  // The embedded mode makes a secret below the working directory.
  process.chdir(mkdtempSync(join(tmpdir(), 'qq-account-service-config-')));
});

afterAll(() => {
  process.chdir(here);
});

/** What is said of an environment: the sentence of each name. */
function faults(env: NodeJS.ProcessEnv): Record<string, string> {
  try {
    loadConfig({ JWT_SECRET: SECRET, ...env });
    return {};
  } catch (error) {
    const [first, ...lines] = (error as Error).message.split('\n');
    expect(first).toBe('Configuration refused:');
    return Object.fromEntries(lines.map((line) => line.trim().split(/: (.*)/s) as [string, string]));
  }
}

describe('in production', () => {
  it('production accepts a complete configuration', () => {
    expect(loadConfig(PRODUCTION)).toMatchObject({
      HOST: '0.0.0.0',
      PORT: 3000,
      secure: true,
      HUMAN_CHECK: ['altcha'],
      SHUTDOWN_DRAIN_S: 5,
      production: true,
    });
  });

  it('https is recognized in any case of letters', () => {
    expect(loadConfig({ ...PRODUCTION, PUBLIC_URL: 'HTTPS://Shop.example' })).toMatchObject({
      secure: true,
      WEB_ORIGINS: ['https://shop.example'],
    });
  });

  it('production names all missing settings at once', () => {
    expect(Object.keys(faults({ NODE_ENV: 'production', JWT_SECRET: '' })).toSorted()).toEqual([
      'DATABASE_URL',
      'JWT_SECRET',
      'PUBLIC_URL',
      'QQ_APP_ID',
      'QQ_APP_KEY',
      'QQ_REDIRECT_URI',
      'REDIS_URL',
      'SMS_GATEWAY',
    ]);
  });

  it.each(Object.keys(PRODUCTION).filter((name) => name !== 'NODE_ENV'))(
    'production reports %s as missing, whether it is empty or absent',
    (name) => {
      for (const value of [undefined, ''])
        expect(Object.keys(faults({ ...PRODUCTION, [name]: value }))).toContain(name);
    },
  );

  it.each([
    ['JWT_SECRET', 'a'.repeat(64)],
    ['JWT_SECRET', 'abcabcabc'.repeat(8)],
    ['JWT_SECRET', '012345678'.repeat(4)],
    ['BCRYPT_COST', '9'],
    ['IMAGE_CODE_HEADER', 'on'],
    ['SMS_GATEWAY', 'log'],
    ['SMS_GATEWAY', 'http,log'],
  ])('production refuses the development value %s=%s', (name, value) => {
    expect(Object.keys(faults({ ...PRODUCTION, [name]: value }))).toEqual([name]);
  });
});

describe('the gateways', () => {
  const VENDORS = {
    aliyun: {
      SMS_ALIYUN_ACCESS_KEY_ID: 'LTAI-id',
      SMS_ALIYUN_ACCESS_KEY_SECRET: 'aliyun-secret',
      SMS_ALIYUN_SIGN_NAME: '美多商城',
      SMS_ALIYUN_TEMPLATE_CODE: 'SMS_154950909',
    },
    tencent: {
      SMS_TENCENT_SECRET_ID: 'AKID-id',
      SMS_TENCENT_SECRET_KEY: 'tencent-secret',
      SMS_TENCENT_SDK_APP_ID: '1400006666',
      SMS_TENCENT_SIGN_NAME: '美多商城',
      SMS_TENCENT_TEMPLATE_ID: '1110',
    },
  };
  const { SMS_HTTP_URL: _url, SMS_HTTP_KEY: _key, ...withoutHttp } = PRODUCTION;
  const both = { ...withoutHttp, ...VENDORS.aliyun, ...VENDORS.tencent, SMS_GATEWAY: 'aliyun, tencent' };

  it("SMS gateways keep their order of fallback, and get their vendors' defaults", () => {
    expect(loadConfig(both)).toMatchObject({
      SMS_GATEWAY: ['aliyun', 'tencent'],
      SMS_ALIYUN_REGION: 'cn-hangzhou',
      SMS_ALIYUN_TEMPLATE_PARAMS: 'code={code}',
      SMS_TENCENT_REGION: 'ap-guangzhou',
      SMS_TENCENT_ENDPOINT: 'https://sms.tencentcloudapi.com',
      SMS_TENCENT_TEMPLATE_PARAMS: '{code}',
      warnings: [],
    });
  });

  it.each([...Object.keys(VENDORS.aliyun), ...Object.keys(VENDORS.tencent)])(
    'a missing %s of its SMS gateway is named',
    (name) => {
      const vendor = name.startsWith('SMS_ALIYUN') ? 'aliyun' : 'tencent';

      expect(faults({ ...both, [name]: '' })).toEqual({ [name]: `is required with SMS_GATEWAY=${vendor}` });
      expect(faults({ SMS_GATEWAY: `http,${vendor}`, ...VENDORS[vendor], [name]: '' })).toEqual({
        [name]: `is required with SMS_GATEWAY=${vendor}`,
      });
    },
  );

  it.each([
    ['SMS_ALIYUN_TEMPLATE_CODE', '154950909'],
    ['SMS_ALIYUN_TEMPLATE_PARAMS', 'code'],
    ['SMS_ALIYUN_TEMPLATE_PARAMS', 'code=123456'],
    ['SMS_ALIYUN_TEMPLATE_PARAMS', 'code={code},'],
    ['SMS_ALIYUN_ACCESS_KEY_SECRET', 'two words'],
    ['SMS_ALIYUN_REGION', 'https://aliyun'],
    ['SMS_ALIYUN_ENDPOINT', 'dysmsapi.aliyuncs.com'],
    ['SMS_TENCENT_SDK_APP_ID', 'shop'],
    ['SMS_TENCENT_TEMPLATE_ID', 'one'],
    ['SMS_TENCENT_TEMPLATE_PARAMS', '123456'],
    ['SMS_TENCENT_ENDPOINT', 'sms.tencentcloudapi.com'],
  ])('refuse %s=%s', (name, value) => {
    expect(Object.keys(faults({ ...both, [name]: value }))).toEqual([name]);
  });

  it('the settings of an SMS gateway that is not chosen are not read', () => {
    expect(faults({ ...PRODUCTION, SMS_TENCENT_SDK_APP_ID: 'shop', SMS_ALIYUN_TEMPLATE_CODE: 'x' })).toEqual(
      {},
    );
  });

  it('an SMS endpoint that is not https causes a warning', () => {
    expect(loadConfig({ ...both, SMS_ALIYUN_ENDPOINT: 'http://sms.internal' }).warnings).toEqual([
      expect.stringMatching(/^SMS_ALIYUN_ENDPOINT: is not https/),
    ]);
  });
});

describe('a wrong value', () => {
  it.each([
    ['NODE_ENV', 'Production', 'live', 'staging'],
    ['PORT', '-1', '65536', '80a', '3000.5', '0x50', '1e3', ' '],
    [
      'PUBLIC_URL',
      'shop.example',
      'ftp://shop.example',
      'javascript:alert(1)',
      'https://',
      '//shop.example',
      'https://shop.example/?a=b',
      'https://shop.example/#top',
      'https://me:hunter2@shop.example',
    ],
    [
      'WEB_ORIGINS',
      '*',
      'null',
      'shop.example',
      'https://shop.example/',
      'https://shop.example/path',
      'https://*.shop.example',
    ].concat(
      'https://shop.example,*',
      'https://shop.example https://b.example',
      'HTTPS://shop.example',
      'https://SHOP.example',
      'https://shop.example:443',
      'https://me@shop.example',
    ),
    [
      'TRUST_PROXY',
      'true',
      '1',
      'loopback',
      '10.0.0',
      '10.0.0.0/33',
      '0.0.0.0/0',
      '::/0',
      '::1/129',
      '10.0.0.1,evil',
      'abc',
      '...',
    ],
    [
      'DATABASE_URL',
      'shop',
      'postgres://a@b/c',
      'mysql://host',
      'mysql://host/',
      'mysql://a:b%zz@host/shop',
      'mysql://a:b#c@host/shop',
    ],
    [
      'REDIS_URL',
      'localhost:6379',
      'http://redis',
      'redis://',
      'redis://a,b',
      'redis://a:b%zz@host',
      'redis://host/two',
      'redis://host:99999',
    ],
    ['JWT_SECRET', 'short', 'x'.repeat(31)],
    ['JWT_TTL', '0', '59', '1.5', 'day', '2678401', '99999999999999999999'],
    ['QQ_APP_ID', 'abc', '123456789012345678901', '1 2', '-1'],
    ['QQ_REDIRECT_URI', 'shop.example', 'javascript:x', `https://shop.example/${'x'.repeat(500)}`],
    ['QQ_BASE_URL', 'graph.qq.com', 'file:///etc/passwd'],
    ['QQ_TIMEOUT_MS', '0', '-5', 'soon', '60001', '99999999999999999999'],
    ['QQ_UNIONID', 'yes', 'TRUE', '1', 'on'],
    ['BIND_TOKEN_TTL', '0', '1.5', '86401', 'hour'],
    ['BCRYPT_COST', '3', '16', '12.5', 'high'],
    ['IMAGE_CODE_HEADER', 'true', '1', 'On'],
    ['SMS_GATEWAY', 'pigeon', 'HTTP', 'constructor', ',', 'http,pigeon', 'http,http'],
    ['SMS_DAILY_BUDGET', '-1', 'many', '1.5', '99999999999999999999'],
    [
      'LIMITS',
      'binds-per-ip',
      'binds-per-ip=10',
      'binds-per-ip=10/0',
      'binds-per-ip=-1/60',
      'binds-per-ip=a/b',
      'BINDS=1/1',
    ].concat('binds-per-ip=99999999999999999999/60'),
    ['AUDIT_DAYS', '0', '-1', 'always', '36501'],
    ['JWT_SECRET_PREVIOUS', 'short'],
    ['QQ_PROFILE', 'yes', 'on'],
    ['HUMAN_CHECK', 'captcha', 'altcha,captcha', ','],
    ['SMS_HTTP_SUCCESS', 'OK', '=OK', 'code='],
    ['HTTPS_PROXY', 'http://', 'socks5://proxy:1080'],
    ['HTTP_PROXY', 'ftp://proxy', 'http://a:b%zz@proxy'],
    ['TERMS_VERSION', 'one two', 'x'.repeat(33)],
    ['TERMS_URL', 'terms.html', 'javascript:alert(1)'],
    ['PRIVACY_URL', 'privacy.html'],
    ['BRAND_LOGO_URL', 'logo.svg', '//evil.example/logo.svg', 'http://shop.example/logo.svg', 'data:,x'],
    ['SUPPORT_URL', 'support', 'javascript:alert(1)'],
    ['INTROSPECTION_KEY', 'short', `${'x'.repeat(40)} y`],
    ['LEGACY_CLIENT', 'yes', 'on'],
    ['METRICS_PORT', '-1', '65536', 'on'],
    ['LOG_LEVEL', 'verbose', 'INFO', 'log'],
    ['WEB_CONCURRENCY', '0', '65', 'auto'],
    ['HASH_LANES', '0', 'auto'],
    ['UV_THREADPOOL_SIZE', '0', 'auto', '1025'],
    ['SHUTDOWN_DRAIN_S', '-1', '301', '5s'],
    ['SHUTDOWN_GRACE_S', '0', '301', '8s'],
    ['DOCS', 'true', 'no', '0'],
    ['PAGES', 'false', 'ON'],
  ])('a wrong value of %s is refused by name and never quoted', (name, ...values) => {
    for (const value of values) {
      const said = faults({ [name]: value });
      expect(Object.keys(said), `${name}=${value}`).toContain(name);
      if (value.length > 8) expect(JSON.stringify(said)).not.toContain(value);
    }
  });

  it('several workers on the embedded database are refused', () => {
    expect(Object.keys(faults({ WEB_CONCURRENCY: '2' }))).toEqual(['WEB_CONCURRENCY']);
    expect(faults({ ...PRODUCTION, WEB_CONCURRENCY: '2' })).toEqual({});
  });

  it.each(['TERMS_VERSION', 'TERMS_URL', 'PRIVACY_URL'])(
    '%s alone asks for the other two settings',
    (name) => {
      const terms = {
        TERMS_VERSION: '2026-11',
        TERMS_URL: 'https://a.example',
        PRIVACY_URL: 'https://b.example',
      };

      expect(faults({ [name]: terms[name as keyof typeof terms] })).toEqual(
        Object.fromEntries(
          Object.keys(terms)
            .filter((other) => other !== name)
            .map((other) => [other, 'is required together with TERMS_VERSION, TERMS_URL, PRIVACY_URL']),
        ),
      );
      expect(faults(terms)).toEqual({});
    },
  );

  it('several wrong values are reported together', () => {
    const said = faults({ ...PRODUCTION, PORT: 'x', DOCS: 'x', JWT_SECRET: 'hunter2' });

    expect(Object.keys(said).toSorted()).toEqual(['DOCS', 'JWT_SECRET', 'PORT']);
    expect(JSON.stringify(said)).not.toContain('hunter2');
  });
});

describe('a right value', () => {
  it.each([
    ['WEB_ORIGINS', 'https://shop.example, http://localhost:3000,https://m.shop.example:8443'],
    ['TRUST_PROXY', '127.0.0.1,10.0.0.0/8, ::1,fd00::/8'],
    ['DATABASE_URL', 'mysql://shop:p%23ss@[::1]:3307/shop'],
    ['REDIS_URL', 'rediss://user:p%40ss@a.example:6380,rediss://b.example:6380'],
    ['REDIS_URL', 'redis://redis'],
    ['REDIS_URL', 'redis+sentinel://a.example:26379,b.example/mymaster/2'],
    ['REDIS_URL', 'rediss+sentinel://user:p%40ss@a.example,[::1]:26380/mymaster?sentinel_password=x'],
    ['JWT_TTL', '2678400'],
    ['LIMITS', 'binds-per-ip=10/60,starts-per-ip=0/1'],
    ['DOCS', 'off'],
  ])('%s accepts the value %s', (name, value) => {
    expect(faults({ [name]: value })).toEqual({});
  });

  it('given values apply, and missing ones have the documented defaults', () => {
    expect(loadConfig({ JWT_SECRET: SECRET, PORT: '8080' })).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8080,
      PUBLIC_URL: 'http://localhost:8080',
      WEB_ORIGINS: ['http://localhost:8080'],
      TRUST_PROXY: [],
      JWT_TTL: 86_400,
      QQ_BASE_URL: 'https://graph.qq.com',
      QQ_TIMEOUT_MS: 3000,
      QQ_UNIONID: false,
      BIND_TOKEN_TTL: 3600,
      BCRYPT_COST: 12,
      IMAGE_CODE_HEADER: false,
      SMS_DAILY_BUDGET: 10_000,
      DOCS: true,
      PAGES: true,
    });
  });

  it('the configuration cannot be changed after boot', () => {
    const config = loadConfig({ JWT_SECRET: SECRET }) as { PORT: number };

    expect(() => (config.PORT = 1)).toThrow(TypeError);
  });
});

describe('the embedded mode', () => {
  it('the embedded mode makes one secret, readable only by its owner', () => {
    const { JWT_SECRET } = withKeptSecret({});

    expect(withKeptSecret({}).JWT_SECRET).toBe(JWT_SECRET);
    expect(readdirSync('.data')).toEqual(['jwt-secret']);
    expect(readFileSync('.data/jwt-secret', 'utf8')).toBe(JWT_SECRET);
    expect(JWT_SECRET).toMatch(/^[\w-]{43}$/);
    expect(statSync('.data/jwt-secret').mode & 0o077).toBe(0);
  });

  it('no secret is made in production, or when one is given', () => {
    expect(withKeptSecret({ NODE_ENV: 'production' })).toEqual({ NODE_ENV: 'production' });
    expect(withKeptSecret({ JWT_SECRET: SECRET })).toEqual({ JWT_SECRET: SECRET });
  });

  it('loading the configuration writes no file', () => {
    process.chdir(mkdtempSync(join(tmpdir(), 'qq-account-service-config-')));

    expect(Object.keys(faults({ JWT_SECRET: '' }))).toEqual(['JWT_SECRET']);

    expect(existsSync('.data')).toBe(false);
  });

  it('each purpose has a different key', () => {
    const config = loadConfig({ JWT_SECRET: SECRET });

    expect(config.keyFor('a')).toHaveLength(32);
    expect(config.keyFor('a')).toEqual(config.keyFor('a'));
    expect(config.keyFor('a')).not.toEqual(config.keyFor('b'));
  });
});

describe('the environment', () => {
  it('the configuration takes only its own variables from the environment', () => {
    expect(loadConfig({ JWT_SECRET: SECRET, HOME: '/home/x', constructor: 'x' })).not.toHaveProperty('HOME');
  });

  it.each([
    ['QQ_APPID', 'QQ_APP_ID'],
    ['JWT_SECERT', 'JWT_SECRET'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['database_url', 'DATABASE_URL'],
    ['PUBLICURL', 'PUBLIC_URL'],
    ['SMS_URL', undefined],
  ])('the unread variable %s causes a warning', (name, meant) => {
    const { warnings } = loadConfig({ JWT_SECRET: SECRET, [name]: 'hunter2-value' });

    expect(warnings).toEqual([
      `${name}: is not read; ${meant ? `${meant} may be meant` : 'there is no such setting'}`,
    ]);
  });

  it('a QQ_TIMEOUT_MS that is longer than a request may wait causes a warning', () => {
    const warningsAt = (QQ_TIMEOUT_MS: string) => loadConfig({ JWT_SECRET: SECRET, QQ_TIMEOUT_MS }).warnings;

    expect(warningsAt('4200')).toEqual([]);
    expect(warningsAt('4201')).toEqual([
      'QQ_TIMEOUT_MS: more than 4200 has no effect, because a request is answered within 5 s',
    ]);
  });

  it('variables of other programs cause no warning', () => {
    const others = {
      PATH: '/bin',
      PAGER: 'less',
      HOSTNAME: 'web-1',
      NODE_OPTIONS: '--enable-source-maps',
      REDIS_PORT_6379_TCP_ADDR: '10.0.0.1',
      REDIS_SERVICE_HOST: '10.0.0.1',
      HTTP_PROXY: 'http://proxy:8080',
      HTTPS_PROXY: 'http://proxy:8080',
      no_proxy: 'localhost',
      SANDBOX_PORT: '3001',
    };

    expect(loadConfig({ JWT_SECRET: SECRET, ...others }).warnings).toEqual([]);
  });
});

describe('.env', () => {
  it.each([
    ['JWT_SECRET=abc#def', 1],
    ['A=1\nJWT_SECRET=#abc', 2],
    ['A=1\nexport JWT_SECRET=abc#def # why', 2],
    ["JWT_SECRET='abc'def", 1],
    ['JWT_SECRET="abc\nA=1', 1],
    ["A='1\n2\n3'\nJWT_SECRET=a#b", 4],
  ])('.env: the line of a value that would be cut is named: %s', (text, line) => {
    expect(cutValues(text)).toMatchObject([{ line, name: 'JWT_SECRET' }]);
  });

  it.each([
    "A='abc#def'",
    'A="abc#def" # why',
    'A=`a#b`',
    'A=abc # why',
    '# A=abc#def',
    'A=',
    'A= # why',
    'a b',
  ])('.env: a value that keeps its whole text is accepted: %s', (text) => {
    expect(cutValues(text)).toEqual([]);
  });

  it('a refused .env is not quoted, and none of it is read', () => {
    writeFileSync('.env', 'KEPT_OUT=1\nJWT_SECRET=hunter2#hunter2\n');

    expect(() => loadEnvFile()).toThrow(
      /^Configuration refused:\n  \.env line 2: JWT_SECRET has a # (?!.*hunter2)/,
    );

    expect(process.env).not.toHaveProperty('KEPT_OUT');
  });
});
