import { QueryFailedError } from 'typeorm';

/**
 * The same error, without the statement, its parameters, and the value that a server quotes in its message: errors
 * are logged, and the values are mobiles and openids. What stays is what a program needs: the code and the key.
 */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  for (const holder of [error, error.driverError] as (Error & { sqlMessage?: string })[]) {
    for (const name of ['query', 'parameters', 'sql']) Reflect.deleteProperty(holder, name);
    const { message } = holder;
    const shorn = message
      .replace(/^(.*?Duplicate entry ).*( for key )/s, '$1…$2')
      .replace(/( value: )'.*'( for )/s, '$1…$2');
    holder.stack = holder.stack?.replace(message, () => shorn);
    holder.message = shorn;
    if (holder.sqlMessage !== undefined) holder.sqlMessage = shorn;
  }
  return error;
}
