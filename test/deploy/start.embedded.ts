import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Message } from '../../sandbox/phone.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { LogRecorder } from '../support/log-recorder.js';
import { freePort } from '../support/servers.js';
import { ServiceProcess } from '../support/service-process.js';
import { newMobile, newPassword, newQq, Shopper } from '../support/shopper.js';

const MAIN = resolve(import.meta.dirname, '../../dist/sandbox/main.js');
const LOGINS = 50;
/** A running login counts as a failure until it succeeds, and all of these have one account and address. */
const LIMITS = 'login-failures-per-account-and-ip=100/60';

let program: ServiceProcess;
let sandboxUrl: string;

// Starts what `npm start` starts, with the Node that runs this test, in this file's empty directory.
beforeAll(async () => {
  const SANDBOX_PORT = String(await freePort());
  sandboxUrl = `http://localhost:${SANDBOX_PORT}`;
  program = await ServiceProcess.start({ SANDBOX_PORT, BCRYPT_COST: '4', LIMITS }, undefined, { main: MAIN });
});

afterAll(() => program.stop('SIGTERM'));

it(
  `npm start's program serves a bind, then ${LOGINS} concurrent logins of each kind`,
  { timeout: 120_000 },
  async () => {
    const mobile = newMobile();
    const password = newPassword();
    const qq = newQq();
    const newcomer = shopper();
    const access_token = await newcomer.bindToken(qq);
    expect((await newcomer.askForSms(mobile)).status).toBe(200);

    const bound = await newcomer.bind({
      mobile,
      password,
      access_token,
      sms_code: await receivedCode(mobile),
    });

    expect(bound.status, bound.text).toBe(200);
    const withPassword = await Promise.all(
      Array.from({ length: LOGINS }, () =>
        shopper().post('/authorizations/', { username: mobile, password }),
      ),
    );
    expect(withPassword.map(({ status }) => status)).toEqual(Array(LOGINS).fill(200));
    const withQq = await Promise.all(Array.from({ length: LOGINS }, () => shopper().loginWithQq(qq)));
    expect(withQq.map(({ body }) => body.user_id)).toEqual(Array(LOGINS).fill(bound.body.user_id));
  },
);

/** A shopper with a browser. The phone is read over HTTP, because the sandbox is another process. */
function shopper(): Shopper {
  return new Shopper(program.url, {} as Sandbox, new LogRecorder());
}

async function receivedCode(mobile: string): Promise<string> {
  const response = await fetch(`${sandboxUrl}/phone/messages?mobile=${mobile}`);
  const [message] = (await response.json()) as Message[];
  return message!.code;
}
