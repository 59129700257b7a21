import { ValidateIf } from 'class-validator';

/**
 * Decorates a DTO field that a request may omit. Unlike class-validator's `IsOptional`, it does not accept `null`: the
 * field's other rules refuse it.
 */
export const MayBeMissing = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
