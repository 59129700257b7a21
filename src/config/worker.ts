/**
 * The number of this worker process among `WEB_CONCURRENCY`, from 1; 0 when the service is one process.
 * `http/workers.ts` sets the variable when it starts a worker.
 */
export const WORKER_NUMBER = Number(process.env.WORKER_NUMBER ?? 0);

/** This process's share of a number that all workers of a machine share; at least 1. */
export function shareOf(total: number, workers: number): number {
  return Math.max(1, Math.floor(total / workers));
}
