import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import { Logger, ValidationError, ValidationPipe } from '@nestjs/common';
import { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify';
import { BODY_LIMIT, readBodies } from './body-parsers.js';
import { belongsTo } from '../common/address.js';
import { OperatorError } from '../common/operator-error.js';
import { Refusals } from '../audit/refusals.js';
import { Config } from '../config/config.js';
import { answerInLanguage } from './language.js';
import { DOCS_POLICY, setUpDocs } from './swagger.js';
import { measureRequests } from './metrics.js';
import { servePages } from './pages.js';
import { Problem, ProblemCode } from '../common/problem.js';
import { ProblemFilter, rawProblem } from './problem.filter.js';

/** Characters of a URL; the longest that means anything has a state and a code in it. */
const URL_LIMIT = 12_000;
/** Bytes of a request line and headers that Node's parser takes. */
const HEAD_LIMIT = 16_384;
/** Milliseconds that requests have to finish when the service is told to stop. */
const GRACE_MS = 8000;
/** Milliseconds that somebody whose request is no HTTP has to read so. */
const LINGER_MS = 1000;
/** A path that no route has. */
const NOWHERE = '/%25';
const REQUEST_ID = /^[\w.-]{8,64}$/;

/** The HTTP server: what it takes, whom it believes, and what it says to requests that are no HTTP. */
export function createAdapter(config: Config): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: config.TRUST_PROXY.length > 0 && belongsTo(config.TRUST_PROXY),
    // How long a parameter may be is for its own rule to say: the router has another shape for it.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: HEAD_LIMIT },
    rewriteUrl: ({ url = '/' }) => (isDecodable(url) ? url : NOWHERE),
    // Node would answer without a body.
    http: { maxHeaderSize: HEAD_LIMIT, requireHostHeader: false },
    // A HEAD would run the GET: it would close a login, or draw a picture.
    exposeHeadRoutes: false,
    // Those that wait for an answer get it; see GRACE_MS.
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    requestIdHeader: false,
    genReqId: ({ headers }: { headers: Record<string, string | string[] | undefined> }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    clientErrorHandler: (error: ConnectionError, socket: Socket) => {
      if (error.code === 'ECONNRESET') return socket.destroy();
      // Answered already. What still comes in is read and dropped: to hang up on it would take the answer away too.
      if (!socket.writable) return socket;
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return socket.end(rawProblem(parserProblem(error)));
    },
  });
}

function parserProblem({ code, rawPacket }: ConnectionError): ProblemCode {
  if (code !== 'HPE_HEADER_OVERFLOW') return 'REQUEST_INVALID';
  // Fastify's type shows it as JSON would; it is what had come in when the parser gave up.
  const [line = ''] = (rawPacket as unknown as Buffer).toString('latin1').split('\r\n', 1);
  return line.length > URL_LIMIT && /^[A-Z]+ /.test(line) ? 'URI_TOO_LONG' : 'HEADERS_TOO_LARGE';
}

/** Whether the router can read the path; what it cannot, it would answer by itself and say back. */
function isDecodable(url: string): boolean {
  try {
    return decodeURI(url.split(/[?#]/, 1)[0] ?? '') !== '';
  } catch {
    // URIError, and nothing else.
    return false;
  }
}

/** Validation, security headers, CORS, pages, Swagger and shutdown: what main and the tests share. */
export async function configureApp(app: NestFastifyApplication): Promise<NestFastifyApplication> {
  const config = app.get(Config);
  for (const warning of config.warnings) new Logger('Config').warn(warning);
  app.useGlobalPipes(validation());
  app.useGlobalFilters(new ProblemFilter(app.get(Refusals)));
  readBodies(app);
  app.enableCors({
    origin: config.WEB_ORIGINS,
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type'],
    exposedHeaders: ['Retry-After', 'X-Request-Id', 'X-Image-Code'],
    maxAge: 600,
    // An OPTIONS that is no preflight is answered like one, not with a plain text of the plugin's.
    strictPreflight: false,
  });
  await app.register(helmet, securityHeaders(config));
  addHooks(app);
  if (config.METRICS_PORT !== undefined) measureRequests(app);
  answerInLanguage(app);
  if (config.DOCS) setUpDocs(app);
  if (config.PAGES) await servePages(app);
  // An orderly end is no failure: without this, Nest would end the process by the signal again.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  return app;
}

/** @throws OperatorError when the address cannot be listened on */
export async function listen(app: NestFastifyApplication): Promise<void> {
  const { HOST, PORT } = app.get(Config);
  try {
    await app.listen(PORT, HOST);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new OperatorError(`PORT: ${PORT} is in use by another program: stop it, or set PORT`);
    if (code === 'EACCES')
      throw new OperatorError(`PORT: ${PORT} needs more rights than this process has: set another PORT`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new OperatorError('HOST: is no address of this machine');
    throw error;
  }
}

function validation(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    transform: true,
    exceptionFactory: (faults: ValidationError[]) => {
      const errors = faults.map(
        ({ property, constraints }) => [property, Object.values(constraints ?? {})] as const,
      );
      const named = errors.filter(([property]) => property !== undefined);
      return new Problem('REQUEST_INVALID', named.length > 0 ? { errors: Object.fromEntries(named) } : {});
    },
  });
}

function securityHeaders({ secure }: Config): object {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    // Browsers keep these two for https, and complain about them elsewhere.
    crossOriginOpenerPolicy: secure,
    originAgentCluster: secure,
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: secure && { maxAge: 31_536_000 },
    xFrameOptions: { action: 'deny' },
  };
}

function addHooks(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  // Fastify reads plain text as a string; no route of ours takes one.
  fastify.removeContentTypeParser('text/plain');
  // Node would refuse an Expect that it does not know without a body; it may as well be passed over (RFC 9110 §10.1.1).
  const { server } = fastify;
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  let closing = false;
  fastify.addHook('preClose', async () => {
    closing = true;
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
  });
  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.header('X-Request-Id', request.id);
    if (request.url.length > URL_LIMIT) throw new Problem('URI_TOO_LONG');
  });
  fastify.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply) => {
    if (/^\/docs(?:[/?]|$)/.test(request.url)) void reply.header('Content-Security-Policy', DOCS_POLICY);
    if (!reply.hasHeader('Cache-Control')) void reply.header('Cache-Control', 'no-store');
    if (closing) void reply.header('Connection', 'close');
  });
}
