import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisDuring, sqlDuring } from '../support/counting.js';
import { atOnce } from '../support/fixtures.js';
import { type Answer, newPassword } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  app = await startApp({
    env: {
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://shop.example',
      WEB_ORIGINS: 'https://shop.example',
      IMAGE_CODE_HEADER: 'off',
      BCRYPT_COST: '10',
      SMS_GATEWAY: 'http',
      SMS_HTTP_KEY: 'sandbox-app-key',
      QQ_APP_ID: '101000001',
    },
  });
});

afterAll(() => app.close());

/** A form that a page of this origin sends from its visitor's browser, without a preflight. */
const form = (origin: string): Promise<Answer> =>
  app.shopper().send('/authorizations/', {
    method: 'POST',
    body: new URLSearchParams({ username: 'somebody_1', password: newPassword() }).toString(),
    headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
  });

describe('a form of a foreign page, in production', () => {
  it('a form of a foreign page costs no SQL statement and no Redis command', async () => {
    const { DATABASE_URL = '', REDIS_URL = '' } = app.backends.env;
    await form('https://shop.example');
    const all = async () => {
      for (const { body } of await atOnce(20, () => form('https://evil.example')))
        expect(body.errorCode).toBe('ORIGIN_REFUSED');
    };

    expect(await sqlDuring(DATABASE_URL, all)).toEqual([]);
    expect(await redisDuring(REDIS_URL, all)).toEqual([]);
  });

  it.each(['127.0.0.1', 'localhost'])(
    "a page from %s with the service's port is refused in production",
    async (host) => {
      const { body } = await form(`http://${host}:${new URL(app.url).port}`);

      expect(body.errorCode).toBe('ORIGIN_REFUSED');
    },
  );
});
