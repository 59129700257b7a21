import { ArgumentsHost, Catch, ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusals } from '../audit/refusals.js';
import { describeError, stackOf } from '../common/describe-error.js';
import { Problem, ProblemCode } from '../common/problem.js';
import { Throttle } from '../common/throttle.js';
import { isDatabaseAway } from '../database/database-away.js';
import { describeRedisAway, isRedisAway } from '../redis/redis-errors.js';

/**
 * Milliseconds between two log lines with the same error, route and cause, so that a database that is away does not
 * fill the log.
 */
const SAME_LINE_MS = 10_000;

/** Codes for the framework's own errors. Any other 4xx becomes REQUEST_INVALID. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  404: 'NOT_FOUND',
  405: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

/** Turns every thrown error into the one error shape. Unexpected errors are logged, without their values. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');
  private readonly throttle = new Throttle(SAME_LINE_MS);

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

  /** Logs a problem that has a cause. Without a cause, the request's log line says everything. */
  private log({ code, cause }: Problem, { id: requestId, method, routeOptions }: FastifyRequest): void {
    if (cause === undefined) return;
    const line = {
      requestId,
      route: `${method} ${routeOptions?.url ?? 'none'}`,
      cause: describeRedisAway(cause) ?? describeError(cause),
    };
    if (!this.throttle.allows(`${code} ${line.route} ${line.cause}`)) return;
    if (code === 'INTERNAL_ERROR') this.logger.error(code, line, stackOf(cause));
    else this.logger.warn(code, line);
  }
}

/** The problem for any thrown error. */
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
