import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { LogRecorder } from './log-recorder.js';
import { freePort } from './servers.js';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const MAIN = join(CHECKOUT, 'dist', 'src', 'main.js');
const START_MS = 40_000;

/** The program, its directory and its user; by default the checkout's dist/src/main.js, here, as this user. */
export interface ProgramOptions {
  readonly main?: string;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** The built service in a process of its own, which can be killed. */
export class ServiceProcess {
  /** Everything that the process wrote. */
  output = '';
  /** How the process ended: an exit code, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    logRecorder?: LogRecorder,
  ) {
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        logRecorder?.add(text);
      });
    this.ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  /** Starts the program with only this environment. It may refuse to start. */
  static async spawn(
    env: Readonly<Record<string, string | undefined>>,
    logRecorder?: LogRecorder,
    { main = MAIN, ...options }: ProgramOptions = {},
  ): Promise<ServiceProcess> {
    if (!existsSync(main))
      throw new Error(`${main} is missing: run \`npm run build\`, or \`npm test\`, which does`);
    const port = env.PORT ?? String(await freePort());
    const { PATH, HOME, TMPDIR } = process.env;
    const child = spawn(process.execPath, [main], {
      ...options,
      env: { PATH, HOME, TMPDIR, PORT: port, HOST: '127.0.0.1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ServiceProcess(`http://127.0.0.1:${port}`, child, logRecorder);
  }

  /**
   * Starts the program and resolves when it answers.
   * @throws Error with its output, if it does not start
   */
  static async start(
    env: Readonly<Record<string, string | undefined>>,
    logRecorder?: LogRecorder,
    options?: ProgramOptions,
  ): Promise<ServiceProcess> {
    const service = await this.spawn(env, logRecorder, options);
    await service.answering();
    return service;
  }

  /** The id of the process. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves when the service answers. */
  async answering(): Promise<void> {
    const deadline = AbortSignal.timeout(START_MS);
    let ended = false;
    void this.ended.then(() => (ended = true));
    while (!(await this.answers())) {
      if (ended || deadline.aborted) throw new Error(`The service did not start: ${this.output}`);
      await setTimeout(50);
    }
  }

  /** Sends a signal, and resolves with how the process ended. */
  async stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.ended;
  }

  private async answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/live`)).ok;
    } catch (error) {
      // fetch throws TypeError while the port is not open yet.
      if (error instanceof TypeError) return false;
      throw error;
    }
  }
}
