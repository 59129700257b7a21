import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance } from 'fastify';

const requests = new AsyncLocalStorage<string>();

/** The id of the request that caused the running code; undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return requests.getStore();
}

/** Makes {@link currentRequestId} available to all code that a request runs. */
export function keepRequestId(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => requests.run(request.id, done));
  // Reading a body continues in a socket event, outside the request's context, so the context is set again.
  fastify.addHook('preValidation', (request, _reply, done) => requests.run(request.id, done));
}
