import { connect } from 'node:net';

/** An answer as raw text. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. Of several headers with one name, the last one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Milliseconds without data after which the service counts as hanging. */
const SILENCE_MS = 10_000;

/**
 * Writes bytes that no HTTP client would write, and reads until the service closes the connection; undefined if it
 * closed without an answer. With `end: 'cut'` the client closes after its last byte and does not wait.
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
    socket.setTimeout(SILENCE_MS, () =>
      socket.destroy(new Error('The service neither answers nor hangs up')),
    );
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The service closed while we were still writing. What it sent before counts.
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
