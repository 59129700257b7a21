/** Lets each event pass once per period, so that events that anyone can cause without limit do not fill the log. */
export class Throttle {
  /** When each event last passed, in ms. */
  private readonly passed = new Map<string, number>();

  /** @param period milliseconds */
  constructor(private readonly period: number) {}

  /** @param event one of a small set: each one is remembered forever */
  allows(event: string): boolean {
    const now = performance.now();
    if (now - (this.passed.get(event) ?? -Infinity) < this.period) return false;
    this.passed.set(event, now);
    return true;
  }
}
