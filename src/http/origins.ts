import cors from '@fastify/cors';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';

const CHANGING = ['POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Lets the pages of `WEB_ORIGINS` read answers, including errors. Hooks that refuse requests are `preParsing`, because
 * this one is an `onRequest`. Not Nest's `enableCors`, which also sets the headers on Node's response: Node then takes
 * a slower path for all headers of the answer.
 */
export async function allowCors(app: NestFastifyApplication, { WEB_ORIGINS }: Config): Promise<void> {
  await app.register(cors, {
    origin: WEB_ORIGINS,
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    // Our headers, and those that tracing libraries add to every request.
    allowedHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'].concat(
      'traceparent',
      'tracestate',
      'baggage',
      'sentry-trace',
    ),
    exposedHeaders: ['Retry-After', 'X-Request-Id', 'X-Image-Code'],
    maxAge: 600,
    // Answers an OPTIONS that is not a preflight like a preflight, instead of with the plugin's plain text.
    strictPreflight: false,
  });
}

/**
 * Refuses requests that a page of another origin makes its visitor's browser send. CORS does not stop a form, which
 * needs no preflight, and such a form would use up the visitor's limits. Runs before the body is read and before
 * anything is counted.
 */
export function refuseForeignOrigins(app: NestFastifyApplication, config: Config): void {
  const allowed = new Set([...config.WEB_ORIGINS, new URL(config.PUBLIC_URL).origin]);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preParsing', (request, _reply, _body, done) => {
      const { origin } = request.headers;
      if (origin === undefined || !CHANGING.includes(request.method) || allowed.has(origin)) return done();
      if (!config.production && isThisMachine(origin, request.socket.localPort)) return done();
      done(new Problem('ORIGIN_REFUSED'));
    });
}

/** Whether the page was opened on the machine that runs the service, under another name than in `PUBLIC_URL`. */
function isThisMachine(origin: string, port: number | undefined): boolean {
  return origin === `http://127.0.0.1:${port}` || origin === `http://localhost:${port}`;
}
