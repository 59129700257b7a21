import { createParamDecorator, ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** Sets the HTTP status of the answer, for a route with several success statuses. */
export type StatusSetter = (status: number) => void;

/** Parameter decorator: a {@link StatusSetter} for this answer. */
export const SetStatus = createParamDecorator((_: unknown, context: ExecutionContext): StatusSetter => {
  const reply = context.switchToHttp().getResponse<FastifyReply>();
  return (status) => void reply.status(status);
});
