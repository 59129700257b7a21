/** Milliseconds that a request may wait for the database, QQ and the SMS gateway together. */
export const WAITING_MS = 4200;

declare module 'fastify' {
  interface FastifyRequest {
    clock?: RequestClock;
  }
}

/**
 * How much time a request has left. `Client` carries it as a parameter: AsyncLocalStorage would put a hook on every
 * promise of Node 20 and 22, which costs a third of the CPU of a login.
 */
export class RequestClock {
  /** By `performance.now()`. */
  private deadline = Infinity;
  private pauses = 0;
  private pausedAt = 0;

  /** Starts the time limit. Called after the body has arrived, so that a slow upload does not use up the time. */
  start(): void {
    this.deadline = performance.now() + WAITING_MS;
  }

  /** Milliseconds until the deadline, negative after it. Infinity before `start` and during a pause. */
  get timeLeft(): number {
    return this.pauses > 0 ? Infinity : this.deadline - performance.now();
  }

  pause(): void {
    if (this.pauses++ === 0) this.pausedAt = performance.now();
  }

  resume(): void {
    if (--this.pauses === 0) this.deadline += performance.now() - this.pausedAt;
  }
}

/** Runs `work` without counting its time. For the queue of password hashes, which has its own time limit. */
export async function untimed<T>(clock: RequestClock | undefined, work: () => Promise<T>): Promise<T> {
  clock?.pause();
  try {
    return await work();
  } finally {
    clock?.resume();
  }
}
