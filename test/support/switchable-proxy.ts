import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

type Mode = 'pass' | 'stall';

/** A fault on the connection that next sends a text, before or after the server has seen it. */
interface Trap {
  readonly text: string;
  readonly answered: boolean;
  readonly fate: 'cut' | 'hold';
  readonly sprung: () => void;
}

/**
 * A proxy between the service and MariaDB or Redis whose connections a test can break. At first everything passes.
 *
 * ```ts
 * const line = await SwitchableProxy.to(backends.env.DATABASE_URL);
 * const app = await startApp({ DATABASE_URL: line.url });
 * line.cutAfter('COMMIT'); // the server has committed, the service gets no answer
 * ```
 */
export class SwitchableProxy {
  /** The number of connections so far. */
  connections = 0;

  private readonly lines = new Set<[client: Socket, server: Socket]>();
  private mode: Mode = 'pass';
  /** Milliseconds by which answers are delayed. */
  private delay = 0;
  private trap?: Trap;
  private server: Server;

  private constructor(
    private target: URL,
    readonly port: number,
  ) {}

  /** @param url of MariaDB or Redis, as in the service's environment */
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

  /** The same URL through this proxy. */
  get url(): string {
    const { protocol, username, password, pathname } = this.target;
    const user = username ? `${username}${password && `:${password}`}@` : '';
    return `${protocol}//${user}127.0.0.1:${this.port}${pathname}`;
  }

  /** Lets everything pass again, including what was held. */
  async pass(): Promise<void> {
    this.mode = 'pass';
    this.delay = 0;
    this.trap = undefined;
    if (!this.server.listening) await this.listen();
    for (const line of this.lines) for (const end of line) end.resume();
  }

  /** New connections go to another server. Open ones keep theirs. */
  retarget(url: string): void {
    this.target = new URL(url);
  }

  /** Refuses new connections. Open ones stay; call `reset` too to simulate a dead server. */
  refuse(): void {
    this.server.close();
  }

  /** Resets every open connection (RST), and accepts new ones. */
  reset(): void {
    for (const line of this.lines) for (const end of line) end.resetAndDestroy();
  }

  /** Passes nothing in either direction, like a pulled cable. New connections are accepted and hang. */
  stall(): void {
    this.mode = 'stall';
    for (const line of this.lines) for (const end of line) end.pause();
  }

  /** Delays every answer of the server. */
  slow(ms: number): void {
    this.delay = ms;
  }

  /** Cuts the connection that next sends this text, before the server sees it. Resolves then. */
  cutBefore(text: string): Promise<void> {
    return this.setTrap(text, false, 'cut');
  }

  /** Cuts the connection that next sends this text, after the server has answered. Resolves then. */
  cutAfter(text: string): Promise<void> {
    return this.setTrap(text, true, 'cut');
  }

  /** Holds this text back when it is next sent, with everything after it on that connection. Resolves then. */
  holdBefore(text: string): Promise<void> {
    return this.setTrap(text, false, 'hold');
  }

  /** Holds the server's answer to this text back, with everything after it on that connection. Resolves then. */
  holdAfter(text: string): Promise<void> {
    return this.setTrap(text, true, 'hold');
  }

  /** Passes nothing on open connections any more, not even their end, like a router that forgot them. New ones pass. */
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
    /** Delayed answers arrive in order, and before later ones. */
    let delayed: Promise<unknown> | undefined;

    client.on('data', (chunk) => {
      if (held) return;
      // Read without a trap too: a statement is prepared once, and may be executed under a later trap.
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
      // Breaking connections is this proxy's purpose. The error of one side resets the other.
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

/** The texts of a connection's prepared statements. To execute one, a MySQL client sends only its number. */
class PreparedStatements {
  private readonly texts = new Map<number, string>();
  private preparing?: string;

  /** The text of the statement that the client executes; nothing when it prepares one. */
  textOf(chunk: Buffer): Buffer | string {
    if (chunk[4] === COM_STMT_EXECUTE) return this.texts.get(chunk.readUInt32LE(5)) ?? '';
    if (chunk[4] !== COM_STMT_PREPARE) return chunk;
    this.preparing = chunk.toString('utf8', 5);
    return '';
  }

  /**
   * Every packet starts with three bytes of length and one of sequence. A successful answer continues with 0 and the
   * number.
   */
  answered(chunk: Buffer): void {
    if (this.preparing !== undefined && chunk[4] === 0) this.texts.set(chunk.readUInt32LE(5), this.preparing);
    this.preparing = undefined;
  }
}
