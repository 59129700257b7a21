import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RequestClock } from '../common/request-clock.js';
import { problemBody } from '../common/problem.js';
import { Throttle } from '../common/throttle.js';
import { EventLoopLoad } from './event-loop-load.js';
import { RETRY_AFTER_S } from './problem.filter.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Sends the answer of a late request. */
    deadlineTimer?: NodeJS.Timeout;
  }
}

/**
 * Milliseconds after a request's deadline in which its handler may still answer, usually with the error of the call
 * that was ended. Redis commands are not ended at the deadline, so that counts and codes can still be put back.
 */
const GRACE_MS = 450;
/** Milliseconds between two checks of a request that waits for a password hash. */
const CHECK_EVERY_MS = 100;
/** Milliseconds between two log lines for one route. */
const SAME_LINE_MS = 10_000;

/**
 * Gives every request a {@link RequestClock}. The answer does not wait for a late handler: it is then
 * `UNAVAILABLE`, or `OVERLOADED` if this process itself had no time. So every request is answered within five seconds;
 * the time that it waits for a password hash does not count.
 */
export function answerInTime(fastify: FastifyInstance, load: EventLoopLoad): void {
  const logger = new Logger('Deadline');
  const throttle = new Throttle(SAME_LINE_MS);

  const watch = (request: FastifyRequest, reply: FastifyReply, clock: RequestClock): void => {
    const left = clock.timeLeft + GRACE_MS;
    if (left <= 0) return answerLate(request, reply);
    const wait = Number.isFinite(left) ? left : CHECK_EVERY_MS;
    request.deadlineTimer = setTimeout(watch, wait, request, reply, clock);
  };

  const answerLate = (request: FastifyRequest, reply: FastifyReply): void => {
    if (reply.sent) return;
    const route = `${request.method} ${request.routeOptions.url ?? 'none'}`;
    const code = load.isSaturated ? 'OVERLOADED' : 'UNAVAILABLE';
    if (throttle.allows(`${code} ${route}`)) {
      const line = { requestId: request.id, route, cause: 'the request took too long' };
      logger.warn(code, line);
    }
    request.problem = code;
    if (code === 'OVERLOADED') void reply.header('Retry-After', String(RETRY_AFTER_S));
    const body = problemBody(code);
    // Fastify ignores the handler's later answer.
    void reply.code(body.statusCode).type('application/json; charset=utf-8').send(body);
  };

  fastify.addHook('preValidation', (request, reply, done) => {
    request.clock = new RequestClock();
    request.clock.start();
    watch(request, reply, request.clock);
    done();
  });
  fastify.addHook('onResponse', (request, _reply, done) => {
    clearTimeout(request.deadlineTimer);
    done();
  });
}
