import { Transform } from 'class-transformer';

/** Reads decimal digits as a number. Anything else becomes NaN, which `IsInt` refuses. */
export const ToInteger = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (/^-?\d{1,16}$/.test(String(value)) ? Number(value) : NaN));
