import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { Problem } from '../common/problem.js';

/** Types of parameters that are not DTOs. */
const PLAIN = new Set<unknown>([undefined, String, Number, Boolean, Object, Array]);

/**
 * Turns bodies, queries and path parameters into their DTOs. Unknown fields are dropped; each wrong field gets its
 * sentences.
 *
 * Not Nest's `ValidationPipe`, which also serves values that never arrive here (bodies that are no objects, binary
 * values, cycles) and takes twice the CPU of the validation itself. The parsers of bodies and queries only let objects
 * through.
 */
@Injectable()
export class DtoPipe implements PipeTransform {
  /** @throws Problem REQUEST_INVALID */
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || PLAIN.has(metatype)) return value;
    const dto = plainToInstance(metatype as Type<object>, withoutInner(value ?? {}));
    const faults = validateSync(dto, { whitelist: true, forbidUnknownValues: false });
    if (faults.length > 0) throw problemOf(faults);
    return dto;
  }
}

/**
 * Replaces inner objects and lists, which no DTO has, by an empty object. class-transformer would call the
 * `constructor` of an inner object, which the client may have sent.
 */
function withoutInner(value: object): object {
  if (!Object.values(value).some(isObject)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isObject(inner) ? {} : (inner as unknown)]),
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function problemOf(faults: readonly ValidationError[]): Problem {
  const errors = faults.map(({ property, constraints }) => [property, Object.values(constraints ?? {})]);
  return new Problem('REQUEST_INVALID', { errors: Object.fromEntries(errors) });
}
