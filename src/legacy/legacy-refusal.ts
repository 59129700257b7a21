import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { catchError, Observable, throwError } from 'rxjs';
import { Problem, ProblemBody, ProblemCode } from '../common/problem.js';

/** Refusals that a shopper should read, although their own status is not 400. */
const SHOWN: readonly ProblemCode[] = [
  'OVERLOADED',
  'QQ_UNAVAILABLE',
  'SMS_UNAVAILABLE',
  'TOO_MANY_REQUESTS',
];

/** A refusal with status 400: the old pages show `message` only for that status. */
class LegacyRefusal extends Problem {
  override getStatus(): number {
    return 400;
  }

  override getResponse(): ProblemBody {
    return { ...(super.getResponse() as ProblemBody), statusCode: 400 };
  }
}

/** Sends refusals that a shopper should read with status 400. */
@Injectable()
export class LegacyRefusals implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error: unknown) => throwError(() => shown(error))));
  }
}

function shown(error: unknown): unknown {
  if (!(error instanceof Problem) || !SHOWN.includes(error.code)) return error;
  const { code, cause, retryAfter, userId } = error;
  return new LegacyRefusal(code, {
    cause,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(userId !== undefined && { userId }),
  });
}
