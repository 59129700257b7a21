import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/**
 * Logs one line per answered request, with the route pattern and never the URL: it may contain a code and a state.
 * Successful health probes are logged at `debug`.
 */
export function logRequests(fastify: FastifyInstance): void {
  const logger = new Logger('Request');
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, id: requestId, problem: errorCode } = request;
    const route = request.routeOptions.url ?? 'none';
    const line = {
      requestId,
      method,
      route,
      status: reply.statusCode,
      ...(errorCode && { errorCode }),
      ms: Math.round(reply.elapsedTime * 10) / 10,
    };
    if (route.startsWith('/health/') && reply.statusCode < 400) logger.debug('Request answered', line);
    else logger.log('Request answered', line);
    done();
  });
}
