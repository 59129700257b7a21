import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger, pino } from 'pino';
import { describeError, framesIn } from '../common/describe-error.js';
import { VERSION } from '../common/version.js';
import type { Config } from '../config/config.js';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Bytes of lines that are written without waiting for more. */
const WRITTEN_AT_ONCE = 12_288;
/** Milliseconds after which fewer bytes are written too. An orderly exit writes them first. */
const WRITE_EVERY = 100;
/** Nest's own contexts, which log a line for each module and route at boot. */
const FRAMEWORK = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);
/**
 * Contexts in which Nest logs why it cannot start. Their causes quote the configuration, so service.ts reports the
 * failure.
 */
const STARTUP_FAILURES = new Set<unknown>(['ExceptionHandler', 'NestApplication']);

/**
 * Nest's logger on pino: one JSON object per line. Errors are written as {@link describeError}
 * says, never with their messages or parameters.
 */
export class ServiceLogger implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...more: unknown[]): void {
    const context = more.at(-1);
    this.write(typeof context === 'string' && FRAMEWORK.has(context) ? 'debug' : 'info', message, more);
  }

  fatal(message: unknown, ...more: unknown[]): void {
    this.write('fatal', message, more);
  }

  error(message: unknown, ...more: unknown[]): void {
    if (!STARTUP_FAILURES.has(more.at(-1))) this.write('error', message, more);
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.write('warn', message, more);
  }

  debug(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  verbose(message: unknown, ...more: unknown[]): void {
    this.write('trace', message, more);
  }

  /** Writes buffered lines before the process exits. */
  flush(): void {
    this.pino.flush();
  }

  /** @param more in Nest's order: objects whose fields are added to the line, stack traces, and last the context */
  private write(level: Level, message: unknown, more: readonly unknown[]): void {
    if (!this.pino.isLevelEnabled(level)) return;
    const fields: Record<string, unknown> = {};
    const context = more.at(-1);
    if (typeof context === 'string') fields.context = context;
    const count = typeof context === 'string' ? more.length - 1 : more.length;
    for (let index = 0; index < count; index++) addFields(fields, more[index]);
    this.pino[level](fields, typeof message === 'string' ? message : describeError(message));
  }
}

function addFields(fields: Record<string, unknown>, item: unknown): void {
  if (item instanceof Error) fields.error = describeError(item);
  else if (typeof item === 'string') addTrace(fields, item);
  else if (typeof item === 'object' && item !== null)
    for (const [name, value] of Object.entries(item))
      fields[name] = value instanceof Error ? describeError(value) : value;
}

/** Adds a stack trace's frames, and its message only if it comes from an {@link OperatorError}. */
function addTrace(fields: Record<string, unknown>, trace: string): void {
  const reason = /^(?:\w+: )?OperatorError: (.*)/.exec(trace)?.[1];
  if (reason) fields.reason = reason;
  const stack = framesIn(trace);
  if (stack) fields.stack = stack;
}

/**
 * JSON in production, readable lines elsewhere (if pino-pretty is installed).
 * @param destination standard output by default
 */
export async function createLogger(
  { LOG_LEVEL, production }: Pick<Config, 'LOG_LEVEL' | 'production'>,
  destination?: DestinationStream,
): Promise<ServiceLogger> {
  const stream =
    destination ??
    (production ? undefined : await pretty()) ??
    pino.destination({
      dest: 1,
      sync: !production,
      // A write for each line would cost more than the line.
      ...(production && { minLength: WRITTEN_AT_ONCE, periodicFlush: WRITE_EVERY }),
    });
  return new ServiceLogger(
    pino(
      {
        level: LOG_LEVEL,
        base: { service: 'qq-account-service', version: VERSION },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
        serializers: {
          err: describeError,
          error: (error: unknown) => (typeof error === 'string' ? error : describeError(error)),
        },
      },
      stream,
    ),
  );
}

async function pretty(): Promise<DestinationStream | undefined> {
  try {
    const { default: build } = await import('pino-pretty');
    return build({
      sync: true,
      ignore: 'service,version,context',
      messageFormat: '{if context}{context}: {end}{msg}',
      translateTime: 'SYS:HH:MM:ss',
    });
  } catch (error) {
    // A production image, which has no development packages, was started in development mode.
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
