import { OperatorError } from './operator-error.js';
import { ServiceError } from './service-error.js';

/**
 * What the log may say about an error: its kind, and its message only where we wrote it. Library messages quote
 * statements, parameters, URLs and user input.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  if (error instanceof ServiceError || error instanceof OperatorError) return error.message;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? `${error.name} ${code}` : error.name;
}

/** Where an error was thrown: its stack without the message. */
export function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return framesIn(error.stack);
}

/** The frames of a stack trace, without any other line. */
export function framesIn(stack: string | undefined): string | undefined {
  const frames = stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames?.length ? frames.join('\n') : undefined;
}
