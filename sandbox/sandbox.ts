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

/** Options of a sandbox. Only the port is required. */
export interface SandboxOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen on; by default only this machine. */
  readonly host?: string;
  /** Apps in addition to the default one. An app with its id replaces it. */
  readonly apps?: readonly QqAppOptions[];
  /** Hosts to which QQ may redirect, on any port; by default `localhost` and `127.0.0.1`. */
  readonly redirectHosts?: readonly string[];
  /** The bearer key of the phone's gateway. */
  readonly phoneKey?: string;
  /** The target of the home page's link. */
  readonly shopUrl?: string;
  /** Milliseconds since the epoch. It decides when codes and tokens expire. */
  readonly now?: Clock;
}

/** QQ's stand-in and the phone, listening. */
export interface Sandbox {
  readonly url: string;
  /** A snapshot of the number of requests to each endpoint since the start. */
  readonly requests: Readonly<Record<Endpoint, number>>;
  /** The present fault of the SMS gateway; `none` ends it. */
  smsFault: SmsFault;
  /** Sets that fault, with the delay of `late` and `slow` in ms. */
  setSmsFault(fault: Pick<SmsFaultSwitch, 'mode'> & Partial<SmsFaultSwitch>): void;
  /** Sets QQ's fault. Missing values are `on: 'all', ms: 5000`. */
  setFault(fault: Pick<Fault, 'mode'> & Partial<Fault>): void;
  /** The received messages, newest first; without a mobile, those of all mobiles. */
  messages(mobile?: string): Message[];
  /** Closes every connection, including hanging ones. */
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
  // A separate scope, because its errors are QQ's and not HTTP's.
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
