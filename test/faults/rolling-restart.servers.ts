import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServiceProcess } from '../support/service-process.js';
import { newQq, Shopper } from '../support/shopper.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';

const PROBE_EVERY_MS = 300;
const CLIENTS = 16;

/** A small load balancer: sends requests over kept connections to the services that were ready at the last probe. */
class Balancer {
  failures: string[] = [];
  served = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly ready = new Map<string, boolean>();
  private readonly server: Server;
  private readonly timer: NodeJS.Timeout;
  private turn = 0;

  constructor(private readonly targets: readonly string[]) {
    this.server = createServer((incoming, outgoing) => {
      const target = this.next();
      if (!target) {
        this.failures.push('no service is ready');
        outgoing.writeHead(502).end();
        return;
      }
      const forwarded = httpRequest(
        target + (incoming.url ?? ''),
        { method: incoming.method, headers: incoming.headers, agent: this.agent },
        (answer) => {
          this.served++;
          if ((answer.statusCode ?? 0) >= 500) this.failures.push(`status ${answer.statusCode}`);
          const { connection: _hop, ...headers } = answer.headers;
          outgoing.writeHead(answer.statusCode ?? 502, headers);
          answer.pipe(outgoing);
        },
      );
      forwarded.on('error', (error: NodeJS.ErrnoException) => {
        this.failures.push(error.code ?? error.name);
        outgoing.writeHead(502).end();
      });
      incoming.pipe(forwarded);
    });
    // The balancer's own connections are not under test.
    this.server.keepAliveTimeout = 120_000;
    this.timer = setInterval(() => void this.probe(), PROBE_EVERY_MS);
  }

  async listen(): Promise<string> {
    await this.probe();
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  isReady(target: string): boolean {
    return this.ready.get(target) ?? false;
  }

  close(): void {
    clearInterval(this.timer);
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
  }

  private next(): string | undefined {
    const ready = this.targets.filter((target) => this.isReady(target));
    return ready[this.turn++ % ready.length];
  }

  private async probe(): Promise<void> {
    await Promise.all(
      this.targets.map(async (target) => {
        const answer = await fetch(`${target}/health/ready`).catch(() => undefined);
        this.ready.set(target, answer?.ok ?? false);
      }),
    );
  }
}

let app: App;
const running = new Set<ServiceProcess>();

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await Promise.all([...running].map((service) => service.stop('SIGKILL')));
  await app.close();
});

async function start(port?: string): Promise<ServiceProcess> {
  const service = await ServiceProcess.start(
    {
      ...environmentBeside(app),
      ...(port && { PORT: port }),
      LOG_LEVEL: 'warn',
      SHUTDOWN_DRAIN_S: '1',
    },
    app.logRecorder,
  );
  running.add(service);
  return service;
}

it('restarting two processes one after the other under load loses no request', async () => {
  const shopper = app.shopper();
  const qq = newQq();
  const { body } = await shopper.bind(await shopper.bindForm({ qq }));
  let services = [await start(), await start()];
  const balancer = new Balancer(services.map(({ url }) => url));
  const url = await balancer.listen();
  const load = new AbortController();
  const wrong: string[] = [];
  const client = async (): Promise<void> => {
    const visitor = new Shopper(url, app.sandbox, app.logRecorder);
    while (!load.signal.aborted) {
      const me = await visitor.get('/user/', body.token);
      if (me.status !== 200) wrong.push(`${me.status} ${me.text}`);
      // A login is two requests with a call to QQ between them, possibly at two processes.
      const login = await visitor.loginWithQq(qq);
      if (login.status !== 200) wrong.push(`${login.status} ${login.text}`);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);

  for (const [index, service] of services.entries()) {
    expect(await service.stop('SIGTERM')).toBe(0);
    running.delete(service);
    const again = await start(new URL(service.url).port);
    services = services.with(index, again);
    await expect.poll(() => balancer.isReady(again.url), { timeout: 10_000 }).toBe(true);
  }
  load.abort();
  await Promise.all(clients);
  balancer.close();

  expect({ failures: balancer.failures, wrong }).toEqual({ failures: [], wrong: [] });
  expect(balancer.served).toBeGreaterThan(500);
}, 120_000);
