import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, Logger, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { collectDefaultMetrics, register } from 'prom-client';
import { OperatorError } from '../common/operator-error.js';
import { Config } from '../config/config.js';
import { WORKER_NUMBER } from '../config/worker.js';

/** The prefix of the process metrics: CPU, memory, garbage collection, event loop lag. */
const PREFIX = 'qq_account_';

/**
 * Serves Prometheus' `/metrics` on a separate port, so that a proxy that publishes the service does not publish the
 * metrics. Off without `METRICS_PORT`.
 */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricsServer.name);
  private readonly server = createServer((request, response) => void answer(request, response));

  constructor(private readonly config: Config) {}

  /** Undefined before it listens. */
  get port(): number | undefined {
    return (this.server.address() as AddressInfo | null)?.port;
  }

  /** @throws OperatorError when the port cannot be listened on */
  async onApplicationBootstrap(): Promise<void> {
    const { METRICS_PORT, HOST } = this.config;
    if (METRICS_PORT === undefined) return;
    collectOnce();
    // Each worker has its own metrics, and so its own port: METRICS_PORT, METRICS_PORT + 1, …
    this.server.listen(METRICS_PORT === 0 ? 0 : METRICS_PORT + Math.max(0, WORKER_NUMBER - 1), HOST);
    try {
      await once(this.server, 'listening');
    } catch (error) {
      throw new OperatorError(
        `METRICS_PORT: cannot be listened on (${(error as NodeJS.ErrnoException).code})`,
      );
    }
    this.logger.log('Metrics', { port: this.port });
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
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

async function answer({ url, method }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url !== '/metrics' || method !== 'GET') {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('Content-Type', register.contentType).end(await register.metrics());
}
