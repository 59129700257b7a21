import { ValidationError, ValidationPipe } from '@nestjs/common';
import { Problem } from '../common/problem.js';

/** Parses bodies and queries into their DTOs. Unknown fields are dropped; each wrong field gets its sentences. */
export function validation(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    transform: true,
    exceptionFactory: (faults: ValidationError[]) => {
      const errors = faults.map(
        ({ property, constraints }) => [property, Object.values(constraints ?? {})] as const,
      );
      const named = errors.filter(([property]) => property !== undefined);
      return new Problem('REQUEST_INVALID', named.length > 0 ? { errors: Object.fromEntries(named) } : {});
    },
  });
}
