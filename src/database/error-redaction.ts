import { QueryFailedError } from 'typeorm';

/**
 * Removes from an error the statement, its parameters, and the value that the server quotes in its message: errors are
 * logged, and these values are mobiles and openids. The error code and the key's name stay.
 */
export function redactValues(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  for (const holder of [error, error.driverError] as (Error & { sqlMessage?: string })[]) {
    for (const name of ['query', 'parameters', 'sql']) Reflect.deleteProperty(holder, name);
    const { message } = holder;
    const redacted = message
      .replace(/^(.*?Duplicate entry ).*( for key )/s, '$1…$2')
      .replace(/( value: )'.*'( for )/s, '$1…$2');
    holder.stack = holder.stack?.replace(message, () => redacted);
    holder.message = redacted;
    if (holder.sqlMessage !== undefined) holder.sqlMessage = redacted;
  }
  return error;
}
