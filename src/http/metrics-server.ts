import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, Logger, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { AggregatorRegistry, collectDefaultMetrics, register } from 'prom-client';
import { describeError } from '../common/describe-error.js';
import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';
import { WORKER_NUMBER } from '../config/worker.js';

/** The prefix of the process metrics: CPU, memory, garbage collection, event loop lag. */
const PREFIX = 'qq_account_';

/**
 * Serves Prometheus' `/metrics` on a separate port, so that a proxy that publishes the service does not publish the
 * metrics. Off without `METRICS_PORT`. A worker does not listen: it tells its metrics to the primary process.
 */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricsServer.name);
  private server?: Server;

  constructor(private readonly config: Config) {}

  /** Undefined before it listens. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | null)?.port;
  }

  /** @throws OperatorError when the port cannot be listened on */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.METRICS_PORT === undefined) return;
    collectOnce();
    if (WORKER_NUMBER > 0) {
      workerMetrics();
      return;
    }
    this.server = await serveMetrics(this.config, () => register.metrics());
    this.logger.log('Metrics', { port: this.port });
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.server) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

/**
 * In the primary process: serves the metrics of all workers as one. Counts add up; `redis_connected` is the lowest.
 * @throws OperatorError when the port cannot be listened on
 */
export async function serveWorkerMetrics(config: Config): Promise<void> {
  if (config.METRICS_PORT === undefined) return;
  const all = workerMetrics();
  await serveMetrics(config, () => all.clusterMetrics());
}

/** In the primary process, what all workers count; making it in a worker lets the worker answer the primary process. */
const workerMetrics = () => new AggregatorRegistry();

async function serveMetrics({ METRICS_PORT, HOST }: Config, read: () => Promise<string>): Promise<Server> {
  const server = createServer(({ url, method }, response) => {
    if (url === '/metrics' && method === 'GET') void answer(response, read);
    else response.writeHead(404).end();
  });
  server.listen(METRICS_PORT, HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new OperatorError(`METRICS_PORT: cannot be listened on (${(error as NodeJS.ErrnoException).code})`);
  }
  return server;
}

async function answer(response: ServerResponse, read: () => Promise<string>): Promise<void> {
  try {
    const text = await read();
    response.setHeader('Content-Type', register.contentType).end(text);
  } catch (error) {
    // For example a worker that died or hangs: prom-client waits five seconds for it. Prometheus asks again.
    new Logger('Metrics').warn('Metrics not collected', { cause: describeError(error) });
    response.writeHead(503).end();
  }
}

let collecting = false;

/**
 * Collects the process metrics only once, because the registry is global and tests start several services in one
 * process.
 */
function collectOnce(): void {
  if (!collecting) collectDefaultMetrics({ prefix: PREFIX });
  collecting = true;
}
