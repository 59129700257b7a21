import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

type Mode = 'pass' | 'stall';

/** What happens on the line on which a text is sent, and whether the server sees it before. */
interface Trap {
  readonly text: string;
  readonly answered: boolean;
  readonly fate: 'cut' | 'hold';
  readonly sprung: () => void;
}

/**
 * A line between the service and MariaDB or Redis that a test can break. It starts out passing.
 *
 * ```ts
 * const line = await SwitchableProxy.to(backends.env.DATABASE_URL);
 * const app = await startApp({ DATABASE_URL: line.url });
 * line.cutAfter('COMMIT'); // the server has done it, the service never hears
 * ```
 */
export class SwitchableProxy {
  /** Connections made through it so far. */
  connections = 0;

  private readonly lines = new Set<[client: Socket, server: Socket]>();
  private mode: Mode = 'pass';
  /** Milliseconds that an answer takes longer. */
  private delay = 0;
  private trap?: Trap;
  private server: Server;

  private constructor(
    private target: URL,
    readonly port: number,
  ) {}

  /** @param url of MariaDB or Redis, as the service would be told it */
  static async to(url: string): Promise<SwitchableProxy> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const proxy = new SwitchableProxy(new URL(url), port);
    await proxy.listen();
    return proxy;
  }

  /** The same URL by way of this proxy. */
  get url(): string {
    const { protocol, username, password, pathname } = this.target;
    const user = username ? `${username}${password && `:${password}`}@` : '';
    return `${protocol}//${user}127.0.0.1:${this.port}${pathname}`;
  }

  /** Everything goes through again, also what was held up. */
  async pass(): Promise<void> {
    this.mode = 'pass';
    this.delay = 0;
    this.trap = undefined;
    if (!this.server.listening) await this.listen();
    for (const line of this.lines) for (const end of line) end.resume();
  }

  /** New connections go to another server; the ones there are stay with theirs. */
  retarget(url: string): void {
    this.target = new URL(url);
  }

  /** Nobody is let in any more; who is in, stays. With `reset` too, it is as if the server had died. */
  refuse(): void {
    this.server.close();
  }

  /** Hangs up on everybody (RST), and lets new ones in. */
  reset(): void {
    for (const line of this.lines) for (const end of line) end.resetAndDestroy();
  }

  /** Nothing comes through in either direction, as when a cable is pulled; new connections are made and hang. */
  stall(): void {
    this.mode = 'stall';
    for (const line of this.lines) for (const end of line) end.pause();
  }

  /** Everything that the server says comes so many milliseconds later. */
  slow(ms: number): void {
    this.delay = ms;
  }

  /** Cuts the line on which the service next sends this text, before the server has seen it. Resolves then. */
  cutBefore(text: string): Promise<void> {
    return this.setTrap(text, false, 'cut');
  }

  /** Cuts the line on which the service next sends this text, once the server has answered. Resolves then. */
  cutAfter(text: string): Promise<void> {
    return this.setTrap(text, true, 'cut');
  }

  /** Keeps this text back when the service next sends it, and all that follows on that line. Resolves then. */
  holdBefore(text: string): Promise<void> {
    return this.setTrap(text, false, 'hold');
  }

  /** Keeps back what the server answers to this text, and all that follows on that line. Resolves then. */
  holdAfter(text: string): Promise<void> {
    return this.setTrap(text, true, 'hold');
  }

  /** Nothing more comes through the lines there are, not even their end, as when a router forgot them; new ones pass. */
  strand(): void {
    for (const line of this.lines) for (const end of line) end.pause().removeAllListeners('data');
  }

  async close(): Promise<void> {
    this.reset();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async listen(): Promise<void> {
    this.server = createServer({ allowHalfOpen: true }, (client) => this.join(client));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  private join(client: Socket): void {
    this.connections++;
    const server = connect({
      host: this.target.hostname,
      port: Number(this.target.port),
      allowHalfOpen: true,
    });
    const line: [Socket, Socket] = [client, server];
    this.lines.add(line);
    let waiting: Trap | undefined;
    let held = false;
    const spring = ({ fate, sprung }: Trap) => {
      if (fate === 'cut') this.cut(line);
      else held = true;
      sprung();
    };

    const prepared = new PreparedStatements();
    /** What has been delayed comes in its order, and before what follows. */
    let delayed: Promise<unknown> | undefined;

    client.on('data', (chunk) => {
      if (held) return;
      // Also without a trap: a statement is prepared once, and executed under a trap later.
      const text = prepared.textOf(chunk);
      if (this.trap && text.includes(this.trap.text)) {
        const { trap } = this;
        this.trap = undefined;
        if (!trap.answered) return spring(trap);
        waiting = trap;
      }
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      prepared.answered(chunk);
      if (waiting) spring(waiting);
      waiting = undefined;
      const write = () => {
        if (!held && !client.destroyed) client.write(chunk);
      };
      if (this.delay === 0 && !delayed) return write();
      const turn = Promise.all([delayed, setTimeout(this.delay)]);
      delayed = turn;
      void turn.then(() => {
        if (delayed === turn) delayed = undefined;
        return write();
      });
    });

    for (const [here, there] of [line, [server, client] as const]) {
      here.setNoDelay(true);
      here.on('end', () => there.end());
      // A break is what this proxy is for: the other end is told by a break of its own.
      here.on('error', () => there.resetAndDestroy());
      here.on('close', () => this.lines.delete(line));
      if (this.mode === 'stall') here.pause();
    }
  }

  private cut([client, server]: [Socket, Socket]): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
  }

  private setTrap(text: string, answered: boolean, fate: Trap['fate']): Promise<void> {
    return new Promise((sprung) => {
      this.trap = { text, answered, fate, sprung };
    });
  }
}

const COM_STMT_PREPARE = 0x16;
const COM_STMT_EXECUTE = 0x17;

/** The texts of the statements that a MySQL client has prepared on one line: to execute one, it sends a number only. */
class PreparedStatements {
  private readonly texts = new Map<number, string>();
  private preparing?: string;

  /** What the client asks for: the text of the statement that it executes; nothing for preparing one. */
  textOf(chunk: Buffer): Buffer | string {
    if (chunk[4] === COM_STMT_EXECUTE) return this.texts.get(chunk.readUInt32LE(5)) ?? '';
    if (chunk[4] !== COM_STMT_PREPARE) return chunk;
    this.preparing = chunk.toString('utf8', 5);
    return '';
  }

  /** Every packet begins with three bytes of length and one of sequence; a good answer goes on with 0 and the number. */
  answered(chunk: Buffer): void {
    if (this.preparing !== undefined && chunk[4] === 0) this.texts.set(chunk.readUInt32LE(5), this.preparing);
    this.preparing = undefined;
  }
}
