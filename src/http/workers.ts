import cluster from 'node:cluster';
import { Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { shareOf } from '../config/worker.js';

/**
 * Milliseconds before a dead worker is replaced, so that a worker that dies at once is not restarted in a tight loop.
 */
const REPLACE_AFTER = 1000;
/** libuv threads for other work than hashes: name look-ups, file reads. */
const OTHER_THREADS = 4;

/** The `WEB_CONCURRENCY` worker processes of this machine. The primary process only starts, replaces and stops them. */
export class Workers {
  private readonly logger = new Logger('Workers');
  private readonly allEnded: Promise<void>;
  private reportEnd = (): void => undefined;
  private running = 0;
  private stopping = false;
  private failed = false;

  constructor(private readonly config: Config) {
    this.allEnded = new Promise((resolve) => (this.reportEnd = resolve));
  }

  /**
   * Starts all workers and resolves when the last one has ended.
   * @returns the exit code: 0 after an orderly stop, 1 when a worker could not start or was killed
   */
  async run(): Promise<number> {
    for (let number = 1; number <= this.config.WEB_CONCURRENCY; number++) this.start(number);
    await this.allEnded;
    return this.failed ? 1 : 0;
  }

  /** Tells every worker to stop. */
  stop(): void {
    this.stopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  }

  private start(number: number): void {
    const lanes = shareOf(this.config.HASH_LANES, this.config.WEB_CONCURRENCY);
    const worker = cluster.fork({
      WORKER_NUMBER: number,
      UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? lanes + OTHER_THREADS,
    });
    this.running += 1;
    let served = false;
    worker.once('listening', () => {
      served = true;
      this.logger.log('Worker started', { worker: number, workerPid: worker.process.pid });
    });
    worker.once('exit', (code, signal) => this.onExit(number, served, signal ?? code));
  }

  private onExit(number: number, served: boolean, ending: number | string): void {
    this.running -= 1;
    if (this.stopping) {
      this.failed ||= ending !== 0;
    } else if (served) {
      this.logger.error('Worker died, another one replaces it', { worker: number, ending });
      setTimeout(() => !this.stopping && this.start(number), REPLACE_AFTER);
      return;
    } else {
      // The worker has logged why. The others would fail for the same reason, or too few would serve.
      this.failed = true;
      this.stop();
    }
    if (this.running === 0) this.reportEnd();
  }
}
