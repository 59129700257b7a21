import { ValidateIf } from 'class-validator';

/**
 * Decorates a DTO field that a request may leave out. Unlike class-validator's `IsOptional`, `null` is not left out:
 * the field's other rules refuse it, so that no service ever sees it.
 */
export const MayBeMissing = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
