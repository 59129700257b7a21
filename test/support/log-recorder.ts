import { format } from 'node:util';

type Way = (typeof WAYS)[number];

/** Vitest replaces the console, and its console does not write to the process's streams. */
const WAYS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
/** The process's own functions, before any recorder was opened. */
const ORIGINAL = {
  out: process.stdout.write.bind(process.stdout),
  err: process.stderr.write.bind(process.stderr),
  ways: Object.fromEntries(WAYS.map((way) => [way, console[way]])) as Pick<Console, Way>,
};
/** Characters. A shorter secret could appear by chance. A secret of this length counts anywhere in a line. */
const SHORTEST = 6;
const UNMISTAKABLE = 20;

/** The open recorders. Each records everything, and they may close in any order. */
const OPEN = new Set<LogRecorder>();

function addToAll(text: string): void {
  for (const recorder of OPEN) recorder.add(text);
}

/** Records everything that the service writes, and fails if a secret is in it. */
export class LogRecorder {
  private text = '';
  private readonly secrets = new Set<string>();

  /** Intercepts the console, so that the service's lines do not appear in the test report. */
  open(): void {
    OPEN.add(this);
    const record = (chunk: string | Uint8Array): boolean => {
      addToAll(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      return true;
    };
    process.stdout.write = record;
    process.stderr.write = record;
    for (const way of WAYS) console[way] = (...values: unknown[]) => addToAll(`${format(...values)}\n`);
  }

  /** Adds what a service in another process wrote. */
  add(text: string): void {
    this.text += text;
  }

  /** Registers values that must never be logged, in any notation. */
  keep(...values: readonly (string | undefined | null)[]): void {
    for (const value of values) if (value && value.length >= SHORTEST) this.secrets.add(value);
  }

  get lines(): string {
    return this.text;
  }

  /** The registered secrets that were logged. */
  leaks(): string[] {
    return [...this.secrets].filter(
      (secret) => this.holds(secret) || notations(secret).some((form) => this.text.includes(form)),
    );
  }

  /** @throws Error that names the logged secrets */
  close(): void {
    OPEN.delete(this);
    if (OPEN.size === 0) {
      process.stdout.write = ORIGINAL.out;
      process.stderr.write = ORIGINAL.err;
      Object.assign(console, ORIGINAL.ways);
    }
    const leaks = this.leaks();
    if (leaks.length > 0) throw new Error(`The log holds secrets: ${leaks.join(', ')}`);
  }

  private holds(text: string): boolean {
    if (text.length >= UNMISTAKABLE || !this.text.includes(text)) return this.text.includes(text);
    return new RegExp(String.raw`(?<![\w-])${escaped(text)}(?![\w-])`).test(this.text);
  }
}

/** The secret as JSON and URLs quote it, as encoded bytes, and both secret parts of a token. */
function notations(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const [, payload, signature] = /^[\w-]+\.([\w-]{20,})\.([\w-]{20,})$/.exec(secret) ?? [];
  return [
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    bytes.toString('hex'),
    // The last letters depend on what follows.
    bytes.toString('base64').replace(/..=*$/, ''),
    bytes.toString('base64url').replace(/..$/, ''),
    payload,
    signature,
  ].filter((form): form is string => form !== undefined && form !== secret);
}

const escaped = (text: string): string => text.replaceAll(/[^\w]/g, String.raw`\$&`);
