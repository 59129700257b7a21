import { setTimeout } from 'node:timers/promises';
import type { ConnectionOptions } from 'mysql2';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';

/** Milliseconds in which an available server answers a new connection. */
const ANSWERS_WITHIN_MS = 500;

/**
 * Finds out whether a server that did not answer a statement answers at all. Until that is known, every request waits
 * for the same probe, so that a request with several statements fails once and not once per statement.
 */
export class MysqlProbe {
  /** Whether the server answers; undefined if nobody doubts it. */
  result?: Promise<boolean> | undefined;
  private closed = false;

  /** @param silent called when the server does not answer; the probe then goes on until it does */
  constructor(
    private readonly driver: MysqlDriver,
    private readonly silent: () => void,
  ) {}

  /** Called after a lease expired. Does nothing while a probe runs. */
  start(): void {
    this.result ??= this.run();
  }

  close(): void {
    this.closed = true;
  }

  private async run(): Promise<boolean> {
    const answers = await this.answers();
    if (answers) this.result = undefined;
    else {
      this.silent();
      void this.untilItAnswers();
    }
    return answers;
  }

  private async untilItAnswers(): Promise<void> {
    do await setTimeout(ANSWERS_WITHIN_MS, undefined, { ref: false });
    while (!this.closed && !(await this.answers()));
    this.result = undefined;
  }

  /** Uses a connection outside the pool, which may be full. A server that refuses us also counts as answering. */
  private async answers(): Promise<boolean> {
    // Imported here, because the embedded mode does not need mysql2.
    const { createConnection } = await import('mysql2');
    const { options } = this.driver;
    const connection = createConnection({
      ...(this.driver['createConnectionOptions'](options, options) as ConnectionOptions),
      connectTimeout: ANSWERS_WITHIN_MS,
    });
    try {
      return await new Promise<boolean>((resolve) => {
        connection.on('error', ({ errno = 0 }) => resolve(errno > 0));
        connection.connect((error) => resolve(!error || (error.errno ?? 0) > 0));
      });
    } finally {
      connection.destroy();
    }
  }
}
