import { setTimeout } from 'node:timers/promises';

/** Delays answers, and releases all of them when the sandbox closes. */
export class Hold {
  #open: () => void = () => undefined;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  /** Waits until the time is over, or without a time until `release`. */
  async wait(milliseconds?: number): Promise<void> {
    if (milliseconds === undefined) return this.#opened;
    await Promise.race([setTimeout(milliseconds, undefined, { ref: false }), this.#opened]);
  }

  /** Ends all waits. */
  release(): void {
    this.#open();
  }
}
