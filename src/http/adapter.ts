import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ConnectionError, FastifyInstance } from 'fastify';
import { belongsTo } from '../common/address.js';
import { problemBody, ProblemCode } from '../common/problem.js';
import { Config } from '../config/config.js';
import { legacyUrl } from '../legacy/legacy-paths.js';
import { BODY_LIMIT } from './body-parsers.js';

/** Characters of a URL; the longest that means anything has a state and a code in it. */
const URL_LIMIT = 12_000;
/** Bytes of a request line and headers that Node's parser takes. */
const HEAD_LIMIT = 16_384;
/** Milliseconds that a request may take to arrive whole. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long the socket of a malformed request stays open (ms), so that the client can read the 400. */
const LINGER_MS = 1000;
/** A path that no route has. */
const NOWHERE = '/%25';
const REQUEST_ID = /^[\w.-]{8,64}$/;

/** The HTTP server: its limits, the proxies that it believes, and its answer to malformed requests. */
export function createAdapter(config: Config): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: config.TRUST_PROXY.length > 0 && belongsTo(config.TRUST_PROXY),
    // The router's own length error does not have our error shape; the DTOs check lengths.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: HEAD_LIMIT },
    rewriteUrl: ({ method = '', url = '/' }) => {
      if (!isDecodable(url)) return NOWHERE;
      return config.LEGACY_CLIENT ? legacyUrl(method, url) : url;
    },
    // Node would answer without a body.
    http: { maxHeaderSize: HEAD_LIMIT, requireHostHeader: false },
    // A HEAD would run the GET: it would use up a login, or draw a picture.
    exposeHeadRoutes: false,
    // Requests in flight are answered; see shutdown.ts.
    forceCloseConnections: 'idle',
    // Fastify's 503 has another shape. While the server closes, requests on open connections are still answered.
    return503OnClosing: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requestIdHeader: false,
    genReqId: ({ headers }: { headers: Record<string, string | string[] | undefined> }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    clientErrorHandler: (error: ConnectionError, socket: Socket) => {
      if (error.code === 'ECONNRESET') return socket.destroy();
      // Already answered. What still arrives is read and dropped: closing now would discard the answer.
      if (!socket.writable) return socket;
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return socket.end(rawProblem(parserProblem(error)));
    },
  });
}

/** What is not HTTP's limit but ours: refuses long URLs and HTTP/0.9, and passes over an `Expect` that Node does not know. */
export function limitRequests(fastify: FastifyInstance): void {
  // Node would refuse it without a body; a server may ignore it (RFC 9110 §10.1.1).
  const { server } = fastify;
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  fastify.addHook('onRequest', (request, reply, done) => {
    // Node's parser takes a request line without a version.
    const version09 = request.raw.httpVersion === '0.9';
    const problem = version09
      ? 'REQUEST_INVALID'
      : request.url.length > URL_LIMIT
        ? 'URI_TOO_LONG'
        : undefined;
    if (!problem) return done();
    // Sent, not thrown: the routes of the pages are registered before Nest's error handler, and would use Fastify's.
    request.problem = problem;
    const body = problemBody(problem);
    reply.code(body.statusCode).type('application/json; charset=utf-8').send(body);
  });
}

function parserProblem({ code, rawPacket }: ConnectionError): ProblemCode {
  if (code !== 'HPE_HEADER_OVERFLOW') return 'REQUEST_INVALID';
  // Fastify's type says an object; it is the Buffer that had arrived when the parser gave up.
  const [line = ''] = (rawPacket as unknown as Buffer).toString('latin1').split('\r\n', 1);
  return line.length > URL_LIMIT && /^[A-Z]+ /.test(line) ? 'URI_TOO_LONG' : 'HEADERS_TOO_LARGE';
}

/** An answer in our error shape to a request that Node's parser refused: the framework never sees it. */
function rawProblem(code: ProblemCode): string {
  const body = JSON.stringify(problemBody(code));
  const head = [
    `HTTP/1.1 ${problemBody(code).statusCode} ${code}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Whether the router can decode the path. It would answer one that it cannot by itself, and quote it. */
function isDecodable(url: string): boolean {
  try {
    return decodeURI(url.split(/[?#]/, 1)[0] ?? '') !== '';
  } catch {
    // URIError, and nothing else.
    return false;
  }
}
