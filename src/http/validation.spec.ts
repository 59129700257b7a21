import { IsOptional, IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { Problem } from '../common/problem.js';
import { DtoPipe } from './validation.js';

class Form {
  @IsString({ message: 'name: text' }) readonly name: string;
  @IsOptional() @IsString({ message: 'note: text' }) readonly note?: string;
}

const pipe = new DtoPipe();
const transformed = (value: unknown) => pipe.transform(value, { type: 'body', metatype: Form });

function errorsOf(value: unknown): unknown {
  try {
    return transformed(value);
  } catch (error) {
    return ((error as Problem).getResponse() as { errors?: unknown }).errors;
  }
}

describe('DtoPipe', () => {
  it('makes an instance of the DTO and drops unknown fields', () => {
    const form = transformed({ name: 'a', admin: true, constructor: 'x', prototype: 1 });

    expect(form).toBeInstanceOf(Form);
    expect(form).toEqual({ name: 'a' });
  });

  it.each([undefined, null, {}])('names the missing fields of %j', (value) => {
    expect(errorsOf(value)).toEqual({ name: ['name: text'] });
  });

  it.each([
    [{ constructor: 1 }],
    [{ constructor: null }],
    [{ constructor: { constructor: 1 } }],
    [[{ constructor: 1 }]],
    [{ valueOf: 1, toString: 1 }],
    [[]],
    [[[]]],
    [{ __proto__: null }],
  ])('refuses a field that is an object or a list: %j', (inner) => {
    expect(errorsOf({ name: inner, note: inner })).toEqual({ name: ['name: text'], note: ['note: text'] });
    expect(errorsOf({ name: 'a', unknown: inner })).toEqual({ name: 'a' });
  });

  it('leaves what is not a DTO as it is', () => {
    const value = { constructor: 1 };

    expect(pipe.transform(value, { type: 'custom', metatype: Form })).toBe(value);
    expect(pipe.transform('a', { type: 'body', metatype: String })).toBe('a');
    expect(pipe.transform('a', { type: 'query' })).toBe('a');
  });
});
