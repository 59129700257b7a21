import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram } from 'prom-client';
import type { ProblemCode } from '../common/problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The error code of a refused request; set by the problem filter. */
    problem?: ProblemCode;
  }
}

const duration = new Histogram({
  name: 'qq_account_http_request_duration_seconds',
  help: 'Time from the first byte of a request to the last byte of its answer',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
});
const requests = new Counter({
  name: 'qq_account_http_requests_total',
  help: 'Requests by what became of them: ok, or the errorCode. Binds and logins are told apart by their routes',
  labelNames: ['method', 'route', 'outcome'],
});

/** Counts every answer by its route pattern. The path itself contains ids. */
export function measureRequests(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    duration.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    requests.inc({ method, route, outcome: outcomeOf(request, reply) });
    done();
  });
}

function outcomeOf({ problem }: FastifyRequest, { statusCode }: FastifyReply): string {
  return problem ?? (statusCode < 400 ? 'ok' : String(statusCode));
}
