import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { authorizeRoutes } from './authorize.js';
import { Faults, type Endpoint, type Fault } from './faults.js';
import { Grants, type Clock } from './grants.js';
import { Hold } from './hold.js';
import { homeRoute } from './home.js';
import { Journal } from './journal.js';
import { SECURITY_HEADERS, servePageFiles } from './pages.js';
import { pictureRoute } from './people.js';
import { Phone, type Message, type SmsFault, type SmsFaultSwitch } from './phone.js';
import { qqRoutes } from './qq.js';
import { DEFAULT_APP, Registry, type QqAppOptions } from './registry.js';
import { switchRoutes } from './switches.js';

/** How a sandbox is set up; all but the port has a default. */
export interface SandboxOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Where it listens; this machine alone by default. */
  readonly host?: string;
  /** Apps registered beside the default one, or in its place if the id is the same. */
  readonly apps?: readonly QqAppOptions[];
  /** Hosts people may be sent back to, on any port; `localhost` and `127.0.0.1` by default. */
  readonly redirectHosts?: readonly string[];
  /** The bearer key of the phone's gateway. */
  readonly phoneKey?: string;
  /** Where the home page links to. */
  readonly shopUrl?: string;
  /** Milliseconds since the epoch; decides when codes and tokens expire. */
  readonly now?: Clock;
}

/** QQ's stand-in and the phone, listening. */
export interface Sandbox {
  readonly url: string;
  /** How many requests QQ got, by endpoint, since the start; a snapshot. */
  readonly requests: Readonly<Record<Endpoint, number>>;
  /** How the phone's gateway fails from now on; `none` mends it. */
  smsFault: SmsFault;
  /** The same, with how many ms later `late` and `slow` are. */
  setSmsFault(fault: Pick<SmsFaultSwitch, 'mode'> & Partial<SmsFaultSwitch>): void;
  /** Turns QQ's fault switch; what is left out is `on: 'all', ms: 5000`. */
  setFault(fault: Pick<Fault, 'mode'> & Partial<Fault>): void;
  /** What arrived, newest first; without a mobile, everybody's. */
  messages(mobile?: string): Message[];
  /** Ends every connection, the hanging ones too. */
  close(): Promise<void>;
}

/**
 * Starts QQ's stand-in and the phone in this process.
 * @throws Error with code EADDRINUSE if the port is taken
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { now = Date.now, host = '127.0.0.1', phoneKey = DEFAULT_APP.key } = options;
  const registry = new Registry(options.apps, options.redirectHosts);
  const grants = new Grants(now);
  const hold = new Hold();
  const faults = new Faults(hold);
  const phone = new Phone(phoneKey, now, hold);

  const app = fastify({ forceCloseConnections: true, routerOptions: { ignoreTrailingSlash: true } });
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  new Journal(now).watch(app);
  await servePageFiles(app);
  pictureRoute(app);
  // A scope of its own: its errors are QQ's, not HTTP's.
  await app.register(async (scope) => qqRoutes(scope, registry, grants, faults));
  authorizeRoutes(app, registry, grants, faults);
  phone.routes(app);
  switchRoutes(app, faults, phone);
  homeRoute(app, options.shopUrl ?? 'http://localhost:3000/');

  await app.listen({ port: options.port, host });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    get requests() {
      return faults.requests;
    },
    get smsFault() {
      return phone.fault.mode;
    },
    set smsFault(fault) {
      phone.setFault({ mode: fault });
    },
    setSmsFault: (fault) => void phone.setFault(fault),
    setFault: (fault) => void faults.set(fault),
    messages: (mobile) => phone.messages(mobile),
    close: async () => {
      hold.release();
      await app.close();
    },
  };
}
