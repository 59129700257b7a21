import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Config } from '../config/config.js';
import { Lifecycle } from './lifecycle.js';

/** Milliseconds after the grace period for flushing the trail and closing the pools. */
const CLOSE_MS = 2000;

/** While the service stops, every answer closes its connection. After the grace period all connections are cut. */
export function endConnectionsWhenStopping(app: NestFastifyApplication): void {
  const lifecycle = app.get(Lifecycle);
  const { SHUTDOWN_GRACE_S } = app.get(Config);
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (lifecycle.stopping) reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.addHook('preClose', (done) => {
    lifecycle.stopping = true;
    setTimeout(() => fastify.server.closeAllConnections(), SHUTDOWN_GRACE_S * 1000).unref();
    done();
  });
}

/**
 * Stops without losing a request. First readiness fails while the listener stays open (`SHUTDOWN_DRAIN_S`), so that
 * load balancers use other instances. Then the listener closes and running requests finish (`SHUTDOWN_GRACE_S`). Last,
 * the audit trail is flushed and the pools close.
 * @returns whether everything was closed in time; never later than drain + grace + 2 s, whatever the database does
 */
export async function stop(app: NestFastifyApplication): Promise<boolean> {
  const { SHUTDOWN_DRAIN_S, SHUTDOWN_GRACE_S } = app.get(Config);
  const logger = new Logger('Shutdown');
  app.get(Lifecycle).stopping = true;
  logger.log('Stopping', { drainSeconds: SHUTDOWN_DRAIN_S, graceSeconds: SHUTDOWN_GRACE_S });
  await sleep(SHUTDOWN_DRAIN_S * 1000);
  const closed = await Promise.race([
    app.close().then(() => true),
    sleep(SHUTDOWN_GRACE_S * 1000 + CLOSE_MS, false, { ref: false }),
  ]);
  if (closed) logger.log('Stopped');
  else logger.error('Stopped before everything was closed');
  return closed;
}
