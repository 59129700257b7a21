import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Lower-case names; of several of one name the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Milliseconds of silence after which a service that ought to answer or hang up counts as hung. */
const PATIENCE_MS = 10_000;

/**
 * Writes bytes that no HTTP client would, and reads until the service hangs up. Undefined: it hung up without an
 * answer. With `end: 'cut'` the client hangs up after its last byte, and waits for nothing.
 */
export async function sendRaw(
  url: string,
  bytes: string | Buffer,
  { end = 'wait' }: { end?: 'wait' | 'half-close' | 'cut' } = {},
): Promise<RawAnswer | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.setTimeout(PATIENCE_MS, () =>
      socket.destroy(new Error('The service neither answers nor hangs up')),
    );
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Hung up while we were still writing: what it said before stands.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString())));
    socket.write(bytes, () => {
      if (end === 'half-close') socket.end();
      if (end === 'cut') socket.resetAndDestroy();
    });
  });
}

function parse(answer: string): RawAnswer | undefined {
  if (answer === '') return undefined;
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0);
  return {
    status,
    headers: Object.fromEntries(headers) as Record<string, string>,
    text: rest.join('\r\n\r\n'),
  };
}
