import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEvent } from '../../src/audit/account-event.entity.js';
import { openidOf } from '../../sandbox/people.js';
import { alreadyCounted, writtenCode } from '../support/fixtures.js';
import { newQq } from '../support/shopper.js';
import { type Backends, freshDatabase } from '../support/backends.js';
import { type App, startApp } from '../support/start-app.js';

const COMMAND = resolve(import.meta.dirname, '../../dist/src/cli/account.js');
let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

/** Runs `npm run account -- …` beside the running service, without its confirmation. */
async function account(...words: string[]): Promise<{ code: number; out: string }> {
  return accountOn(app.backends.env, ...words);
}

async function accountOn(
  backends: Backends['env'],
  ...words: string[]
): Promise<{ code: number; out: string }> {
  const env = {
    ...process.env,
    ...backends,
    NODE_ENV: 'test',
    JWT_SECRET: app.config.JWT_SECRET,
  };
  const args = [COMMAND, ...words, '--operator', 'li.lei', '--yes'];
  return promisify(execFile)(process.execPath, args, { env }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stdout + stderr,
    }),
  );
}

const refused = (errorCode: string, status = 400) => ({ status, body: { errorCode } });

// Each starts several processes, which takes long on a busy machine.
describe('npm run account', { timeout: 120_000 }, () => {
  it('the account command finds and shows an account by mobile, name and id, without a full mobile or openid', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const { username, id, mobile, password, token } = await shopper.register();
    const form = await shopper.bindForm({ qq, mobile, password, sms_code: await writtenCode(app, mobile) });
    await shopper.bind(form);

    for (const wanted of [mobile, username, String(id)]) {
      expect((await account('find', wanted)).out).toContain(`${id}  ${username}`);
    }
    const { out } = await account('show', username);
    expect(out).toMatch(/QQ \d+ {2}bound/);
    expect(out).toContain('registered');
    expect(out).not.toContain(mobile);
    expect(out).not.toContain(openidOf(app.config.QQ_APP_ID, qq));
    expect((await shopper.get('/user/', token)).status).toBe(200);
    expect((await account('show', 'nobody_at_all')).code).toBe(1);
  });

  it('the account command disables, enables and signs out, and the trail names the operator', async () => {
    const shopper = app.shopper();
    const { id, username, password, token } = await shopper.register();

    expect((await account('disable', username)).code).toBe(0);
    expect(await shopper.get('/user/', token)).toMatchObject(refused('LOGIN_REQUIRED', 401));
    expect(await shopper.post('/authorizations/', { username, password })).toMatchObject(
      refused('ACCOUNT_DISABLED'),
    );
    expect((await account('enable', username)).code).toBe(0);
    const login = await shopper.post('/authorizations/', { username, password });
    expect(login.status).toBe(200);
    expect((await account('sign-out', String(id))).code).toBe(0);
    expect(await shopper.get('/user/', login.body.token)).toMatchObject(refused('LOGIN_REQUIRED', 401));

    const events = await app.dataSource.getRepository(AccountEvent).findBy({ userId: id, detail: 'li.lei' });
    expect(events.map(({ event }) => event)).toEqual(['disabled', 'enabled', 'signed_out_everywhere']);
  });

  it('the account command unbinds a QQ, resets a limit, and closes an account', async () => {
    const [shopper, qq] = [app.shopper(), newQq()];
    const form = await shopper.bindForm({ qq });
    const { user_id, token } = (await shopper.bind(form)).body;
    const [binding] = (await shopper.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];

    // Refused before the account is looked up and anything is asked.
    expect((await account('unbind', 'nobody_at_all')).out).toContain('unbind needs --qq <id>');
    expect((await account('unbind', form.mobile, '--qq', String(binding!.id))).code).toBe(0);
    expect((await app.shopper().loginWithQq(qq)).body).not.toHaveProperty('user_id');

    await alreadyCounted(app, 'login-failures-per-account', user_id, 100);
    const login = () =>
      app.shopper().post('/authorizations/', { username: form.mobile, password: form.password });
    expect(await login()).toMatchObject(refused('TOO_MANY_REQUESTS', 429));
    expect((await account('unlock', form.mobile)).code).toBe(0);
    expect((await login()).status).toBe(200);

    expect((await account('close', form.mobile)).code).toBe(0);
    expect(await login()).toMatchObject(refused('CREDENTIALS_INVALID'));
  });

  it('the account command says in a sentence what to do about a database that is not migrated', async () => {
    const empty = await freshDatabase({ migrated: false });

    const { code, out } = await accountOn({ ...app.backends.env, DATABASE_URL: empty.url }, 'show', 'li_lei');

    expect(code).toBe(1);
    expect(out).toMatch(/the database is not ready: .*npm run db:migrate/);
    expect(out).not.toMatch(/ER_NO_SUCH_TABLE|\bat .*:\d+:\d+/);
    await empty.drop();
  });
});
