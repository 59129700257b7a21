import { ArgumentsHost, Catch, ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusals } from '../audit/refusals.js';
import { describeError, stackOf } from '../common/describe-error.js';
import { Problem, ProblemCode } from '../common/problem.js';
import { Throttle } from '../common/throttle.js';
import { isDatabaseAway } from '../database/database-away.js';
import { describeRedisAway, isRedisAway } from '../redis/redis-errors.js';
import { EventLoopLoad } from './event-loop-load.js';

/**
 * Milliseconds between two log lines with the same error, route and cause, so that a database that is away does not
 * fill the log.
 */
const SAME_LINE_MS = 10_000;

/** Messages of errors that are caused by a time limit. */
const TIMED_OUT = /ETIMEDOUT|timed out|Socket timeout|no time left/;
/** Seconds after which a client of a saturated process should try again. */
export const RETRY_AFTER_S = 5;

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

  constructor(
    private readonly refusals: Refusals,
    private readonly load: EventLoopLoad,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.named(asProblem(error));
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

  /** A time limit that ran out while this process had no idle time says nothing about the database or Redis. */
  private named(problem: Problem): Problem {
    const { code, cause } = problem;
    const late = code === 'UNAVAILABLE' && TIMED_OUT.test(reasonOf(cause));
    return late && this.load.isSaturated
      ? new Problem('OVERLOADED', { cause, retryAfter: RETRY_AFTER_S })
      : problem;
  }

  /** Logs a problem that has a cause. Without a cause, the request's log line says everything. */
  private log({ code, cause }: Problem, { id: requestId, method, routeOptions }: FastifyRequest): void {
    if (cause === undefined) return;
    const line = {
      requestId,
      route: `${method} ${routeOptions?.url ?? 'none'}`,
      cause: reasonOf(cause),
    };
    if (!this.throttle.allows(`${code} ${line.route} ${line.cause}`)) return;
    if (code === 'INTERNAL_ERROR') this.logger.error(code, line, stackOf(cause));
    else this.logger.warn(code, line);
  }
}

const reasonOf = (cause: unknown): string => describeRedisAway(cause) ?? describeError(cause);

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
