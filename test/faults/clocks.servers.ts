import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceProcess } from '../support/service-process.js';
import { newQq, type Registered, Shopper } from '../support/shopper.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';

/** Seconds by which the two servers' clocks are wrong. */
const WRONG_BY = { ahead: 30, behind: -30 };

let app: App;
const servers: Record<string, ServiceProcess | App> = {};

beforeAll(async () => {
  const LIMITS = 'sms-per-mobile-minute=1000/60';
  app = await startApp({ env: { LIMITS } });
  servers.right = app;
  for (const [name, seconds] of Object.entries(WRONG_BY))
    servers[name] = await ServiceProcess.start(
      {
        ...environmentBeside(app),
        NODE_OPTIONS: `--import=${preload(seconds)}`,
        LIMITS,
      },
      app.logRecorder,
    );
});

afterAll(async () => {
  for (const server of Object.values(servers))
    if (server instanceof ServiceProcess) await server.stop('SIGKILL');
  await app?.close();
});

/** A module that shifts a process's clock. */
function preload(seconds: number): string {
  const file = resolve(`clock-${seconds}.mjs`);
  writeFileSync(
    file,
    `const wrongBy = ${seconds * 1000};
    globalThis.Date = class extends Date {
      constructor(...given) {
        if (given.length === 0) super(Date.now());
        else super(...given);
      }
      static now() {
        return super.now() + wrongBy;
      }
    };`,
  );
  return pathToFileURL(file).href;
}

const at = (name: string) => new Shopper(servers[name]!.url, app.sandbox, app.logRecorder);
const whoAmI = async (token: string) => {
  const statuses = [];
  for (const name of Object.keys(servers)) statuses.push((await at(name).get('/user/', token)).status);
  return statuses;
};
const everywhere = (status: number) => Object.keys(servers).map(() => status);
const login = async (name: string, { username, password }: Registered) =>
  (await at(name).post('/authorizations/', { username, password })).body.token;

const pairs = ['right', 'ahead', 'behind'].flatMap((here) =>
  ['right', 'ahead', 'behind'].map((there) => [here, there] as const),
);

describe('servers whose clocks differ by seconds', () => {
  it.each(pairs)(
    'signing out everywhere on the server that is %s ends earlier logins, but no later one on the server that is %s',
    async (here, there) => {
      const owner = await app.shopper().register();
      const earlier = await login(there, owner);
      expect(await whoAmI(earlier)).toEqual(everywhere(200));

      const out = await at(here).send('/authorizations/all/', { method: 'DELETE', token: earlier });
      const later = await login(there, owner);

      expect(out.status).toBe(204);
      expect(await whoAmI(earlier)).toEqual(everywhere(401));
      expect(await whoAmI(later)).toEqual(everywhere(200));
    },
  );

  it.each(pairs)(
    'unbinding a QQ on the server that is %s ends its earlier bind tokens, but no later one of the server that is %s',
    async (here, there) => {
      const qq = newQq();
      const [owner, elsewhere] = [app.shopper(), at(there)];
      const form = await owner.bindForm({ qq });
      // Not bound yet: this login gives a bind token.
      const earlier = await elsewhere.bindToken(qq);
      const { token } = (await owner.bind(form)).body;
      const [binding] = (await owner.get('/oauth/qq/bindings/', token)).body as unknown as { id: number }[];

      const unbound = await at(here).send(`/oauth/qq/bindings/${binding!.id}/`, {
        method: 'DELETE',
        token,
        body: { password: form.password },
      });
      const later = await elsewhere.bindToken(qq);

      expect(unbound.status, unbound.text).toBe(204);
      const [old, fresh] = [
        await elsewhere.bind(await elsewhere.bindForm({ access_token: earlier })),
        await elsewhere.bind(await elsewhere.bindForm({ access_token: later })),
      ];
      expect(old.body.errorCode).toBe('BIND_TOKEN_INVALID');
      expect(fresh.status, fresh.text).toBe(200);
    },
  );
});
