import {
  applyDecorators,
  CallHandler,
  ExecutionContext,
  Injectable,
  NestInterceptor,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Observable, tap } from 'rxjs';
import { clientOf } from '../common/client.js';
import { Problem, ProblemCode } from '../common/problem.js';
import { AccountEvents, Via } from './account-events.service.js';

const VIA = 'qq:audited via';

/** What anybody can do without end says nothing of an account, and would fill the table. */
const UNTOLD: readonly ProblemCode[] = ['REQUEST_INVALID', 'TOO_MANY_REQUESTS'];

/** Notes in the audit trail why a route refused. */
@Injectable()
export class AuditedRefusals implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly events: AccountEvents,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(tap({ error: (error: unknown) => this.note(error, context) }));
  }

  private note(error: unknown, context: ExecutionContext): void {
    if (!(error instanceof Problem) || error.getStatus() >= 500 || UNTOLD.includes(error.code)) return;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    this.events.note({
      event: 'refused',
      via: this.reflector.get<Via>(VIA, context.getHandler()),
      reason: error.code,
      userId: error.userId ?? request.login?.userId,
      client: clientOf(request),
    });
  }
}

/** Decorates a route whose refusals belong in the audit trail. */
export const AuditRefusals = (via: Via): MethodDecorator =>
  applyDecorators(SetMetadata(VIA, via), UseInterceptors(AuditedRefusals));
