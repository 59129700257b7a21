import { describe, expect, it } from 'vitest';
import { signed } from '../support/fixtures.js';
import { startApp } from '../support/start-app.js';

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });

describe('JWT_SECRET_PREVIOUS', () => {
  const OLD = 'the-secret-of-yesterday-0123456789-abcdefghij';
  const NEW = 'the-secret-of-tomorrow-0123456789-abcdefghij';

  it('JWT_SECRET_PREVIOUS keeps logins, running QQ logins and bind tokens valid through a change of the secret', async () => {
    const before = await startApp({ env: { JWT_SECRET: OLD } });
    const person = before.shopper();
    const { token } = await person.register();
    const form = await person.bindForm();
    const running = await person.approve(await person.start(), '12345678');
    const after = await startApp({ env: { JWT_SECRET: NEW, JWT_SECRET_PREVIOUS: OLD }, beside: before });
    const same = Object.assign(after.shopper(), { cookie: person.cookie, address: person.address });

    expect((await same.get('/user/', token)).status).toBe(200);
    expect((await same.get(`/oauth/qq/users/?${running}`)).status).toBe(200);
    expect((await same.bind(form)).status).toBe(200);
    expect((await same.bind(form)).status).toBe(200);
    const forged = signed({ user_id: 1, username: 'x', exp: 4e9 }, 'another-secret-0123456789-abcdefghijklm');
    expect(await same.get('/user/', forged)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    await after.close();
    await before.close();
  });
});
