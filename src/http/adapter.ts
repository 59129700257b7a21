import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ConnectionError, FastifyInstance } from 'fastify';
import { belongsTo } from '../common/address.js';
import { problemBody, ProblemCode } from '../common/problem.js';
import { Config } from '../config/config.js';
import { legacyUrl } from '../legacy/legacy-paths.js';
import { BODY_LIMIT } from './body-parsers.js';

/** Characters of a URL. The longest useful one carries a state and a code. */
const URL_LIMIT = 12_000;
/** Bytes of the request line and headers that Node's parser accepts. */
const HEAD_LIMIT = 16_384;
/** Milliseconds in which a whole request must arrive. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long the socket of a malformed request stays open (ms), so that the client can read the 400. */
const LINGER_MS = 1000;
/** A path that matches no route. */
const NOWHERE = '/%25';
const REQUEST_ID = /^[\w.-]{8,64}$/;

/** The HTTP server: its limits, its trusted proxies, and its answer to malformed requests. */
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
    // Node's own 400 for a missing Host header has no body.
    http: { maxHeaderSize: HEAD_LIMIT, requireHostHeader: false },
    // HEAD would run the GET handler, which uses up a login or draws a picture.
    exposeHeadRoutes: false,
    // Running requests are still answered; see shutdown.ts.
    forceCloseConnections: 'idle',
    // Fastify's own 503 does not have our error shape. While the server closes, requests on open connections are still
    // answered.
    return503OnClosing: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requestIdHeader: false,
    genReqId: ({ headers }: { headers: Record<string, string | string[] | undefined> }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    clientErrorHandler: (error: ConnectionError, socket: Socket) => {
      if (error.code === 'ECONNRESET') return socket.destroy();
      // Already answered. What still arrives is read and dropped, because closing the socket now would discard the
      // answer.
      if (!socket.writable) return socket;
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return socket.end(rawProblem(parserProblem(error)));
    },
  });
}

/** Limits that HTTP does not set: refuses long URLs and HTTP/0.9, and ignores an `Expect` that Node does not know. */
export function limitRequests(fastify: FastifyInstance): void {
  // Node would refuse it without a body. A server may ignore it (RFC 9110 §10.1.1).
  const { server } = fastify;
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  fastify.addHook('preParsing', (request, reply, _body, done) => {
    // Node's parser accepts a request line without a version.
    const version09 = request.raw.httpVersion === '0.9';
    const problem = version09
      ? 'REQUEST_INVALID'
      : request.url.length > URL_LIMIT
        ? 'URI_TOO_LONG'
        : undefined;
    if (!problem) return done();
    // Sent, not thrown: the pages' routes are registered before Nest's error handler, so a thrown error would reach
    // Fastify's.
    request.problem = problem;
    const body = problemBody(problem);
    reply.code(body.statusCode).type('application/json; charset=utf-8').send(body);
  });
}

function parserProblem({ code, rawPacket }: ConnectionError): ProblemCode {
  if (code !== 'HPE_HEADER_OVERFLOW') return 'REQUEST_INVALID';
  // Fastify's type says object. It is the Buffer that had arrived when the parser failed.
  const [line = ''] = (rawPacket as unknown as Buffer).toString('latin1').split('\r\n', 1);
  return line.length > URL_LIMIT && /^[A-Z]+ /.test(line) ? 'URI_TOO_LONG' : 'HEADERS_TOO_LARGE';
}

/** Our error shape as raw HTTP, for a request that Node's parser refused and the framework never sees. */
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

/** Whether the router can decode the path. The router's own answer to an undecodable path would quote it. */
function isDecodable(url: string): boolean {
  try {
    return decodeURI(url.split(/[?#]/, 1)[0] ?? '') !== '';
  } catch {
    // decodeURI throws only URIError.
    return false;
  }
}
