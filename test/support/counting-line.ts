import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy to a server. It cuts a connection at the service's n-th message. */
export class CountingLine {
  private left = Infinity;
  private answered = false;
  private counted?: RegExp;
  private readonly pairs = new Set<[Socket, Socket]>();
  private readonly server: Server;
  /** Whether the connection was cut. */
  sprung = false;

  constructor(private readonly target: URL) {
    this.server = createServer((client) => this.join(client)).listen(0, '127.0.0.1');
  }

  async listening(): Promise<void> {
    if (!this.server.listening) await once(this.server, 'listening');
  }

  get url(): string {
    const { protocol, username, pathname } = this.target;
    const { port } = this.server.address() as AddressInfo;
    return `${protocol}//${username && `${username}@`}127.0.0.1:${port}${pathname}`;
  }

  /**
   * @param when before the server sees the message, or after it has answered
   * @param counted the messages that count; by default all
   */
  cutAt(nth: number, when: 'before' | 'after', counted?: RegExp): void {
    this.sprung = false;
    this.counted = counted;
    this.left = nth;
    this.answered = when === 'after';
  }

  disarm(): void {
    this.left = Infinity;
  }

  close(): void {
    for (const pair of this.pairs) this.cut(pair);
    this.server.close();
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    const pair: [Socket, Socket] = [client, server];
    this.pairs.add(pair);
    let waiting = false;
    client.on('data', (chunk) => {
      if ((this.counted?.test(chunk.toString('latin1')) ?? true) && --this.left === 0) {
        if (!this.answered) return this.spring(pair);
        waiting = true;
      }
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (waiting) return this.spring(pair);
      client.write(chunk);
    });
    for (const end of pair) {
      end.setNoDelay(true);
      end.on('error', () => undefined);
      end.on('close', () => {
        this.pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
  }

  private spring(pair: [Socket, Socket]): void {
    this.sprung = true;
    this.left = Infinity;
    this.cut(pair);
  }

  private cut(pair: [Socket, Socket]): void {
    for (const end of pair) end.resetAndDestroy();
  }
}
