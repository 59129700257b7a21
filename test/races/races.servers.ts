import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { User } from '../../src/users/user.entity.js';
import { newMobile, newPassword } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';
import { atOnce, tally } from '../support/fixtures.js';

let app: App;
let beside: App;

beforeAll(async () => {
  app = await startApp();
  beside = await startApp({ beside: app });
});

afterAll(async () => {
  await beside.close();
  await app.close();
});

describe('two services on one Redis', () => {
  it('two services on one Redis that are asked fifty times at once for one mobile send one SMS', async () => {
    const mobile = newMobile();

    const answers = await atOnce(50, (index) => (index % 2 ? app : beside).shopper().askForSms(mobile));

    expect(tally(answers)).toEqual({ 200: 1, TOO_MANY_REQUESTS: 49 });
    expect(app.sandbox.messages(mobile)).toHaveLength(1);
  });

  it('two services on one Redis accept one code and one bind token once', async () => {
    const [here, there] = [app.shopper(), beside.shopper()];
    const [mobile, password] = [newMobile(), newPassword()];
    const sms_code = await here.smsCode(mobile);
    const tokens = [await here.bindToken(), await there.bindToken()];

    const answers = await Promise.all(
      [here, there].map((shopper, index) =>
        shopper.bind({ mobile, password, sms_code, access_token: tokens[index] }),
      ),
    );

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await app.dataSource.getRepository(User).countBy({ mobile })).toBe(1);
  });
});
