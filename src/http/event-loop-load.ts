import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Milliseconds between two samples. */
const SAMPLE_MS = 1000;
/** The share of its time for which the event loop of a saturated process is busy. */
const SATURATED = 0.9;

/**
 * How busy this process itself is. When a time limit runs out in a process that had no idle time, the process is the
 * slow one: an answer may have arrived and not been read yet.
 */
export class EventLoopLoad {
  private before: EventLoopUtilization;
  private latest: EventLoopUtilization;

  constructor() {
    this.before = this.latest = performance.eventLoopUtilization();
    setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  /** Whether the event loop was busy for nearly all of the last one or two seconds. */
  get isSaturated(): boolean {
    return performance.eventLoopUtilization(this.before).utilization >= SATURATED;
  }

  private sample(): void {
    this.before = this.latest;
    this.latest = performance.eventLoopUtilization();
  }
}
