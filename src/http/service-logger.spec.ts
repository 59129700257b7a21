import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { OperatorError } from '../common/operator-error.js';
import { ServiceError } from '../common/service-error.js';
import { createLogger, type ServiceLogger } from './service-logger.js';

async function written(
  write: (logger: ServiceLogger) => void,
  LOG_LEVEL: 'info' | 'trace' = 'info',
): Promise<Record<string, unknown>[]> {
  const stream = new PassThrough();
  write(await createLogger({ LOG_LEVEL, production: true }, stream));
  // From Node 26 on, one read returns only one line.
  let text = '';
  for (let chunk; (chunk = stream.read() as Buffer | null);) text += chunk.toString();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

class DriverError extends Error {
  readonly code = 'ER_DUP_ENTRY';
  readonly sql = "INSERT INTO tb_users VALUES ('hunter2')";
  readonly parameters = ['hunter2'];
}

describe('the service logger', () => {
  it("the logger accepts messages, fields and the context in Nest's order", async () => {
    const [line] = await written((logger) => logger.log('QQ bound', { userId: 7 }, 'QqBindService'));

    expect(line).toMatchObject({ level: 'info', msg: 'QQ bound', userId: 7, context: 'QqBindService' });
  });

  it.each([
    ['fatal', 'fatal'],
    ['error', 'error'],
    ['warn', 'warn'],
    ['log', 'info'],
    ['debug', 'debug'],
    ['verbose', 'trace'],
  ] as const)('the logger writes %s as level %s', async (method, level) => {
    const [line] = await written((logger) => logger[method]('x', 'Test'), 'trace');

    expect(line).toMatchObject({ level });
  });

  it('the logger writes an error by its kind, in any position, and never its parameters', async () => {
    const error = new DriverError("Duplicate entry 'hunter2'");
    const found = await written((logger) => {
      logger.error(error, 'Test');
      logger.error('Failed', error, 'Test');
      logger.error('Failed', { error, cause: error, err: error }, error.stack, 'Test');
      logger.warn({ error }, 'Test');
    });

    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(found[2]).toMatchObject({ cause: 'Error ER_DUP_ENTRY', stack: expect.stringMatching(/^\s+at /) });
  });

  it("the logger writes the messages of this service's own errors", async () => {
    const [first, second] = await written((logger) => {
      logger.warn('Away', { cause: new ServiceError('the gateway answered 500') }, 'Test');
      logger.error('Unable', new OperatorError('DATABASE_URL: not let in').stack, 'Test');
    });

    expect(first).toMatchObject({ cause: 'the gateway answered 500' });
    expect(second).toMatchObject({ reason: 'DATABASE_URL: not let in' });
  });

  it("the logger omits the modules and routes of Nest's boot, and Nest's report of a failed start", async () => {
    expect(
      await written((logger) => {
        logger.log('Mapped {/user, GET} route', 'RouterExplorer');
        logger.error('mysql://root:hunter2@db', 'stack', 'ExceptionHandler');
      }),
    ).toEqual([]);
  });
});
