import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Observable, tap } from 'rxjs';
import { SmsSent } from './sms.dto.js';

/** Answers 202 instead of 200 when it is unknown whether the gateway sent the message. */
@Injectable()
export class AcceptedUnlessCertain implements NestInterceptor<SmsSent, SmsSent> {
  intercept(context: ExecutionContext, next: CallHandler<SmsSent>): Observable<SmsSent> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      tap(({ certain }) => {
        if (!certain) void reply.status(202);
      }),
    );
  }
}
