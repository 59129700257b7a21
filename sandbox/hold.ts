import { setTimeout } from 'node:timers/promises';

/** What keeps an answer back, and lets every one go when the sandbox closes. */
export class Hold {
  #open: () => void = () => undefined;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  /** Until the time is over, or, without a time, for good; never beyond `release`. */
  async wait(milliseconds?: number): Promise<void> {
    if (milliseconds === undefined) return this.#opened;
    await Promise.race([setTimeout(milliseconds, undefined, { ref: false }), this.#opened]);
  }

  /** Nobody waits any longer. */
  release(): void {
    this.#open();
  }
}
