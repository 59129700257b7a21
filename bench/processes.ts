import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/servers.js';
import type { Job, Outcome } from './load.js';

/** dist/ */
const BUILT = join(import.meta.dirname, '..');
const TICKS_PER_SECOND = 100;

/** A server that the bench has started. */
export interface Server {
  readonly port: number;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a script of this folder, which reports its port. */
export async function startScript(name: string, env: Record<string, string> = {}): Promise<Server> {
  const child = fork(join(import.meta.dirname, `${name}.js`), { env: { ...process.env, ...env } });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { port, child, stop: () => stop(child, 'SIGKILL') };
}

/** Starts the built service. Resolves when it is ready, with the seconds that the start took. */
export async function startService(
  env: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<Server & { readonly readyAfter: number }> {
  const port = await freePort();
  const begin = performance.now();
  const main = join(BUILT, 'src', 'main.js');
  const child = spawn(process.execPath, [...nodeOptions, main], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error('The service did not start');
    await sleep(10);
  }
  const readyAfter = (performance.now() - begin) / 1000;
  return { port, child, readyAfter, stop: () => stop(child, 'SIGTERM') };
}

/** Runs a program of the project to its end. */
export async function runToEnd(command: readonly string[], env: Record<string, string>): Promise<void> {
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}`);
}

/** The load client. */
export class Load {
  private readonly child = fork(join(import.meta.dirname, 'load.js'), { serialization: 'advanced' });

  async run(job: Job): Promise<Outcome> {
    this.child.send(job);
    const ended = new AbortController();
    const exit = once(this.child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('The load client ended');
    });
    try {
      const [outcome] = (await Promise.race([once(this.child, 'message'), exit])) as [Outcome];
      return outcome;
    } finally {
      // Aborting the wait for the exit rejects it, and nothing waits for it any more.
      exit.catch(() => undefined);
      ended.abort();
    }
  }

  stop(): Promise<void> {
    return stop(this.child, 'SIGKILL');
  }
}

/** Seconds of CPU that a process and its children have used; NaN without /proc. */
export function cpuSeconds({ child }: Server): number {
  return tree(child.pid!).reduce((sum, pid) => {
    const fields = statOf(pid);
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }, 0);
}

/** Resident memory in MB of a process and its children; NaN without /proc. */
export function residentMb({ child }: Server): number {
  return tree(child.pid!).reduce((sum, pid) => {
    const [, kb] = /VmRSS:\s+(\d+)/.exec(readProc(`${pid}/status`)) ?? [];
    return sum + Number(kb) / 1024;
  }, 0);
}

function tree(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(tree)];
}

/** The fields after the process name, which may contain spaces. */
function statOf(pid: number): string[] {
  return readProc(`${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ');
}

function readProc(path: string): string {
  if (process.platform !== 'linux') return '';
  return readFileSync(`/proc/${path}`, 'utf8');
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  } catch (error) {
    // fetch throws TypeError while the port is not open yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
