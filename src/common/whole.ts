import { Transform } from 'class-transformer';

/** A query or path field of digits as a number; anything else becomes NaN, which IsInt refuses. */
export const Whole = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (/^\d{1,16}$/.test(String(value)) ? Number(value) : NaN));
