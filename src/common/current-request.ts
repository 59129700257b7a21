import { AsyncLocalStorage } from 'node:async_hooks';

/** Milliseconds that a request may wait for the database, QQ and the SMS gateway together. */
export const WAITING_MS = 4200;

const requests = new AsyncLocalStorage<CurrentRequest>();

/** The id and the deadline of one HTTP request, for all code that it runs. */
export class CurrentRequest {
  /** By `performance.now()`. */
  private deadline = Infinity;
  private pauses = 0;
  private pausedAt = 0;

  constructor(readonly id: string) {}

  /** Runs `work` so that {@link currentRequestId} and {@link timeLeft} are this request's. */
  run<T>(work: () => T): T {
    return requests.run(this, work);
  }

  /** Starts the time limit. Called once the body has arrived, so that a slow upload does not use the time up. */
  startClock(): void {
    this.deadline = performance.now() + WAITING_MS;
  }

  /** Milliseconds until the deadline, negative after it. Infinity before `startClock` and during a pause. */
  get timeLeft(): number {
    return this.pauses > 0 ? Infinity : this.deadline - performance.now();
  }

  pauseClock(): void {
    if (this.pauses++ === 0) this.pausedAt = performance.now();
  }

  resumeClock(): void {
    if (--this.pauses === 0) this.deadline += performance.now() - this.pausedAt;
  }
}

/** The id of the request that caused the running code; undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return requests.getStore()?.id;
}

/** Milliseconds that the running code may still wait for other programs; Infinity outside of requests. */
export function timeLeft(): number {
  return requests.getStore()?.timeLeft ?? Infinity;
}

/** Runs `work` without counting its time. For the queue of password hashes, which has a time limit of its own. */
export async function untimed<T>(work: () => Promise<T>): Promise<T> {
  const request = requests.getStore();
  request?.pauseClock();
  try {
    return await work();
  } finally {
    request?.resumeClock();
  }
}

/** Runs `work` with the id of the current request but without its deadline, because no answer waits for it. */
export function behindTheAnswer<T>(work: () => T): T {
  const request = requests.getStore();
  return request ? new CurrentRequest(request.id).run(work) : work();
}
