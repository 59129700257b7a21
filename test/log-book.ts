/** Everything the service writes while it runs, and every secret that must not be among it. */
export class LogBook {
  private text = '';
  private readonly secrets = new Set<string>();
  private readonly original = {
    out: process.stdout.write.bind(process.stdout),
    err: process.stderr.write.bind(process.stderr),
  };

  /** Takes over what goes to the console; the service's lines do not clutter the test report. */
  open(): void {
    const note = (chunk: string | Uint8Array): boolean => {
      this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    };
    process.stdout.write = note;
    process.stderr.write = note;
  }

  /** Values that must never be logged; short ones are left out, they would be found by chance. */
  keep(...values: readonly (string | undefined | null)[]): void {
    for (const value of values) if (value && value.length >= 6) this.secrets.add(value);
  }

  get lines(): string {
    return this.text;
  }

  /** The secrets that were logged all the same. */
  leaks(): string[] {
    return [...this.secrets].filter((secret) =>
      new RegExp(`(?<![\\w-])${escaped(secret)}(?![\\w-])`).test(this.text),
    );
  }

  /** @throws Error that names what was logged */
  close(): void {
    process.stdout.write = this.original.out;
    process.stderr.write = this.original.err;
    const leaks = this.leaks();
    if (leaks.length > 0) throw new Error(`The log holds secrets: ${leaks.join(', ')}`);
  }
}

const escaped = (text: string): string => text.replaceAll(/[^\w]/g, String.raw`\$&`);
