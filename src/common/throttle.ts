/** Lets each event pass once per period, so that what anybody can cause without end does not fill the log. */
export class Throttle {
  /** When each event last passed, in ms. */
  private readonly passed = new Map<string, number>();

  /** @param period milliseconds */
  constructor(private readonly period: number) {}

  /** @param event one of few: each is remembered for good */
  allows(event: string): boolean {
    const now = performance.now();
    if (now - (this.passed.get(event) ?? -Infinity) < this.period) return false;
    this.passed.set(event, now);
    return true;
  }
}
