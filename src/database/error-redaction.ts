import { QueryFailedError } from 'typeorm';

/**
 * The same error without the statement, its parameters, and the value that a server quotes in its message. Errors are
 * logged, and the values are mobiles and openids. The error code and the name of the key stay.
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
