import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import { ValidationError, ValidationPipe } from '@nestjs/common';
import { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from './config.js';
import { DOCS_POLICY, setUpDocs } from './docs.js';
import { Problem } from './problem.js';
import { ProblemFilter, rawProblem } from './problem.filter.js';

/** Bytes of a body. */
const BODY_LIMIT = 16_384;
/** Characters of a URL; the longest that means anything has a state and a code in it. */
const URL_LIMIT = 12_000;
const REQUEST_ID = /^[\w.-]{8,64}$/;

/** The HTTP server: what it takes, whom it believes, and what it says to requests that are no HTTP. */
export function createAdapter(config: Config): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: config.TRUST_PROXY.length > 0 && config.TRUST_PROXY,
    routerOptions: { ignoreTrailingSlash: true },
    // A HEAD would run the GET: it would close a login, or draw a picture.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    requestIdHeader: false,
    genReqId: ({ headers }: { headers: Record<string, string | string[] | undefined> }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
      return socket.end(
        rawProblem(error.code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_INVALID'),
      );
    },
  });
}

/** Validation, security headers, CORS, pages, Swagger and shutdown: what main and the tests share. */
export async function configureApp(app: NestFastifyApplication): Promise<NestFastifyApplication> {
  const config = app.get(Config);
  app.useGlobalPipes(validation());
  app.useGlobalFilters(new ProblemFilter());
  app.enableCors({
    origin: config.WEB_ORIGINS,
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type'],
    exposedHeaders: ['Retry-After', 'X-Request-Id', 'X-Image-Code'],
    maxAge: 600,
  });
  await app.register(helmet, securityHeaders(config));
  addHooks(app);
  if (config.DOCS) setUpDocs(app);
  if (config.PAGES) await servePages(app);
  app.enableShutdownHooks();
  return app;
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

function securityHeaders({ secure, WEB_ORIGINS }: Config): object {
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
    // Pages of another listed origin show the picture code.
    crossOriginResourcePolicy: { policy: WEB_ORIGINS.length > 0 ? 'cross-origin' : 'same-origin' },
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
  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.header('X-Request-Id', request.id);
    if (request.url.length > URL_LIMIT) throw new Problem('URI_TOO_LONG');
  });
  fastify.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply) => {
    if (/^\/docs(?:[/?]|$)/.test(request.url)) void reply.header('Content-Security-Policy', DOCS_POLICY);
    if (!reply.hasHeader('Cache-Control')) void reply.header('Cache-Control', 'no-store');
  });
}

async function servePages(app: NestFastifyApplication): Promise<void> {
  await app.register(fastifyStatic, {
    // From src/ as from dist/src/: the folder beside package.json.
    root: publicFolder(),
    prefix: '/',
    // Each file a route of its own: what is not there is the API's NOT_FOUND.
    wildcard: false,
    globIgnore: ['**/*.json'],
    cacheControl: false,
    setHeaders: (reply) => void reply.header('Cache-Control', 'no-cache'),
  });
}

function publicFolder(): string {
  const here = fileURLToPath(import.meta.url);
  return join(here, here.includes(join('dist', 'src')) ? '../../../public' : '../../public');
}
