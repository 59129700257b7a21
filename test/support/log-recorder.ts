import { format } from 'node:util';

type Way = (typeof WAYS)[number];

/** Vitest has a console of its own, which does not write to the process's streams. */
const WAYS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
/** The process's own, before any recorder was opened. */
const ORIGINAL = {
  out: process.stdout.write.bind(process.stdout),
  err: process.stderr.write.bind(process.stderr),
  ways: Object.fromEntries(WAYS.map((way) => [way, console[way]])) as Pick<Console, Way>,
};
/** Shorter ones would be found by chance; and what is as long as this counts wherever it stands. */
const SHORTEST = 6;
const UNMISTAKABLE = 20;

/** Several may be open in one file: each records everything, in whatever order they close. */
const OPEN = new Set<LogRecorder>();

function addToAll(text: string): void {
  for (const recorder of OPEN) recorder.add(text);
}

/** Everything the service writes while it runs, and every secret that must not be among it. */
export class LogRecorder {
  private text = '';
  private readonly secrets = new Set<string>();

  /** Takes over what goes to the console; the service's lines do not clutter the test report. */
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

  /** What was written elsewhere: by a service that is a process of its own. */
  add(text: string): void {
    this.text += text;
  }

  /** Values that must never be logged, in whatever notation. */
  keep(...values: readonly (string | undefined | null)[]): void {
    for (const value of values) if (value && value.length >= SHORTEST) this.secrets.add(value);
  }

  get lines(): string {
    return this.text;
  }

  /** The secrets that were logged all the same. */
  leaks(): string[] {
    return [...this.secrets].filter(
      (secret) => this.holds(secret) || notations(secret).some((form) => this.text.includes(form)),
    );
  }

  /** @throws Error that names what was logged */
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

/** As JSON and URLs quote it, as bytes are written down; and the two parts of a token that tell. */
function notations(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const [, payload, signature] = /^[\w-]+\.([\w-]{20,})\.([\w-]{20,})$/.exec(secret) ?? [];
  return [
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    bytes.toString('hex'),
    // Its last letters differ with what follows.
    bytes.toString('base64').replace(/..=*$/, ''),
    bytes.toString('base64url').replace(/..$/, ''),
    payload,
    signature,
  ].filter((form): form is string => form !== undefined && form !== secret);
}

const escaped = (text: string): string => text.replaceAll(/[^\w]/g, String.raw`\$&`);
