/**
 * Which of the `WEB_CONCURRENCY` worker processes this one is, from 1; 0 in a service of one process.
 * `http/workers.ts` sets the variable when it starts a worker.
 */
export const WORKER_NUMBER = Number(process.env.WORKER_NUMBER ?? 0);

/** This process's part of what the workers of one machine share, at least 1. */
export function shareOf(total: number, workers: number): number {
  return Math.max(1, Math.floor(total / workers));
}
