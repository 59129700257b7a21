import { readlink } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** Steps of `nice` by which hashes come after everything else of the process. */
const STEPS = 5;
/** The number of times that the threads are asked for their ids. One thread may answer for several. */
const ROUNDS = 100;

/**
 * Lowers the priority of libuv's threads, which compute the hashes. Without it, while hashes keep every core busy, the
 * event loop waits for a time slice whenever it wakes. Linux only: elsewhere a thread has no priority of its own.
 * @param threads the size of libuv's pool
 * @returns the ids of the threads
 */
export async function lowerHashPriority(threads: number): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  if (process.platform !== 'linux') return found;
  const priority = Math.min(getPriority() + STEPS, constants.priority.PRIORITY_LOW);
  for (let round = 0; round < ROUNDS && found.size < threads; round++) {
    // Each read runs on one of the threads, and the link names the thread that reads it: `<process>/task/<thread>`.
    const reads = Array.from({ length: 4 * threads }, () => readlink('/proc/thread-self'));
    for (const link of await Promise.all(reads)) found.add(Number(basename(link)));
  }
  for (const thread of found) setPriority(thread, priority);
  return found;
}
