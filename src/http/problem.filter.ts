import { ArgumentsHost, Catch, ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusals } from '../audit/refusals.js';
import { isDatabaseAway } from '../database/database-away.js';
import { Problem, problemBody, ProblemCode } from '../common/problem.js';
import { isRedisAway } from '../redis/redis-errors.js';

/** What the framework calls them. Any other 4xx is a request that does not fit. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  404: 'NOT_FOUND',
  405: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

/** Turns whatever was thrown into the one error shape; what nobody foresaw goes to the log, without its values. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  constructor(private readonly refusals: Refusals) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const problem = asProblem(error);
    const request = http.getRequest<FastifyRequest>();
    this.refusals.observe(problem, request);
    request.problem = problem.code;
    if (problem.getStatus() >= 500) this.log(problem, request);
    if (problem.retryAfter !== undefined) void reply.header('Retry-After', String(problem.retryAfter));
    if (problem.code === 'LOGIN_REQUIRED') void reply.header('WWW-Authenticate', 'Bearer');
    void reply
      .status(problem.getStatus())
      .type('application/json; charset=utf-8')
      .send(problem.getResponse());
  }

  private log({ code, cause }: Problem, { id: requestId, method, routeOptions }: FastifyRequest): void {
    const line = { requestId, route: `${method} ${routeOptions?.url ?? ''}`, cause: describe(cause) };
    if (code === 'INTERNAL_ERROR') this.logger.error(code, line, stackOf(cause));
    else this.logger.warn(code, line);
  }
}

/** The word of the catalogue for anything thrown. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number })?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return new Problem(BY_STATUS[status] ?? 'REQUEST_INVALID', { cause: error });
  }
  if (isDatabaseAway(error) || isRedisAway(error)) return new Problem('UNAVAILABLE', { cause: error });
  return new Problem('INTERNAL_ERROR', { cause: error });
}

/** The kind of an error. Its message may quote what a person typed, so only our own are repeated. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const { code } = cause as NodeJS.ErrnoException;
  const foreign = code !== undefined || cause.constructor !== Error;
  return foreign ? `${cause.name}${code === undefined ? '' : ` ${code}`}` : cause.message;
}

/** Where it was thrown, without the message that stands above it. */
function stackOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return cause.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

/** The JSON for an answer that the framework never gets to see: the HTTP parser gave up on the request. */
export function rawProblem(code: ProblemCode): string {
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
