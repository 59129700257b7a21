import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';

const CHANGING = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Lets the pages of `WEB_ORIGINS` read answers, errors included. */
export function allowCors(app: NestFastifyApplication, { WEB_ORIGINS }: Config): void {
  app.enableCors({
    origin: WEB_ORIGINS,
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    // Beside our own: what tracing libraries add to every request.
    allowedHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'].concat(
      'traceparent',
      'tracestate',
      'baggage',
      'sentry-trace',
    ),
    exposedHeaders: ['Retry-After', 'X-Request-Id', 'X-Image-Code'],
    maxAge: 600,
    // An OPTIONS that is no preflight is answered like one, not with a plain text of the plugin's.
    strictPreflight: false,
  });
}

/**
 * Refuses what a page of another origin makes its visitor's browser send. A form needs no preflight, so CORS does not
 * stop it, and it would use up the visitor's limits. Before the body is read and before anything is counted.
 */
export function refuseForeignOrigins(app: NestFastifyApplication, config: Config): void {
  const allowed = new Set([...config.WEB_ORIGINS, new URL(config.PUBLIC_URL).origin]);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, _reply, done) => {
      const { origin } = request.headers;
      if (origin === undefined || !CHANGING.includes(request.method) || allowed.has(origin)) return done();
      if (!config.production && isThisMachine(origin, request.socket.localPort)) return done();
      done(new Problem('ORIGIN_REFUSED'));
    });
}

/** The page was opened on the machine that runs the service, under another name than `PUBLIC_URL`'s. */
function isThisMachine(origin: string, port: number | undefined): boolean {
  return origin === `http://127.0.0.1:${port}` || origin === `http://localhost:${port}`;
}
