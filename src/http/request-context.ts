import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance } from 'fastify';

const requests = new AsyncLocalStorage<string>();

/** The id of the request that caused the current work; undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return requests.getStore();
}

/** Makes {@link currentRequestId} known to everything that a request causes. */
export function keepRequestId(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => requests.run(request.id, done));
  // After a body has been read, the work goes on from an event of the socket, which belongs to no request.
  fastify.addHook('preValidation', (request, _reply, done) => requests.run(request.id, done));
}
