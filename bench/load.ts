// The load client: sends prepared requests in a closed loop and measures. It is a process of its own, because it needs
// as much CPU as a fast server. It uses raw sockets, because an HTTP library would need more CPU than the servers.
import { connect, type Socket } from 'node:net';

/** The job that the parent process sends. */
export interface Job {
  readonly port: number;
  readonly connections: number;
  /** Complete HTTP/1.1 requests. */
  readonly requests: readonly string[];
  /** Repeats the requests until the time is over; otherwise sends each once, within that time. */
  readonly cycle: boolean;
  readonly seconds: number;
  /** Requests per second, evenly spaced; missing: as many as the connections can send. */
  readonly rate?: number;
  /** A regular expression whose first group is kept from each body. */
  readonly collect?: string;
}

export interface Outcome {
  readonly count: number;
  readonly seconds: number;
  /** The number of answers with each outcome: the errorCode, otherwise the status. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Milliseconds, for all answers and for each outcome. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: Readonly<Record<string, number>>;
  /** For each request what `collect` found, or an empty string. */
  readonly collected: readonly string[];
}

/** One keep-alive connection with one request at a time. */
class Connection {
  private received = '';
  private answered?: (answer: { status: string; body: string }) => void;
  private failed?: (error: Error) => void;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      this.read();
    });
    socket.on('error', (error) => this.failed?.(error));
    socket.on('close', () => this.failed?.(new Error('The server hung up')));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new Connection(socket);
  }

  ask(request: string): Promise<{ status: string; body: string }> {
    return new Promise((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.socket.write(request, 'latin1');
    });
  }

  close(): void {
    delete this.failed;
    this.socket.destroy();
  }

  private read(): void {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.received)?.[1] ?? 0);
    if (this.received.length < end + 4 + length) return;
    const answer = { status: this.received.slice(9, 12), body: this.received.slice(end + 4) };
    this.received = '';
    this.answered?.(answer);
  }
}

async function run(job: Job): Promise<Outcome> {
  const connections = await Promise.all(
    Array.from({ length: job.connections }, () => Connection.open(job.port)),
  );
  const pattern = job.collect === undefined ? undefined : new RegExp(job.collect);
  const collected: string[] = [];
  const times: number[] = [];
  const outcomes: Record<string, number> = {};
  const slowest: Record<string, number> = {};
  const begin = performance.now();
  const end = begin + job.seconds * 1000;
  let next = 0;
  const worker = async (connection: Connection): Promise<void> => {
    while (performance.now() < end) {
      const nth = next++;
      if (!job.cycle && nth >= job.requests.length) return;
      if (job.rate !== undefined) await until(begin + (nth * 1000) / job.rate);
      const start = performance.now();
      const { status, body } = await connection.ask(job.requests[nth % job.requests.length]!);
      const ms = performance.now() - start;
      times.push(ms);
      const outcome = /"errorCode":"(\w+)"/.exec(body)?.[1] ?? status;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      slowest[outcome] = Math.max(slowest[outcome] ?? 0, ms);
      if (pattern) collected[nth] = pattern.exec(body)?.[1] ?? '';
    }
  };
  await Promise.all(connections.map(worker));
  const seconds = (performance.now() - begin) / 1000;
  for (const connection of connections) connection.close();
  const sorted = Float64Array.from(times).toSorted();
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return {
    count: times.length,
    seconds,
    outcomes,
    p50: quantile(0.5),
    p99: quantile(0.99),
    slowest,
    collected,
  };
}

async function until(moment: number): Promise<void> {
  const wait = moment - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}

process.on('message', (job: Job) => {
  run(job).then(
    (outcome) => process.send!(outcome),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
