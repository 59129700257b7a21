import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A Redis that accepts connections, and answers every command, except those of connecting, with one error. */
export class RefusingRedis {
  /** The number of refused commands. */
  refused = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly error: string,
    readonly url: string,
    private readonly close: () => void,
  ) {}

  /** @param error in Redis's format: `READONLY You can't write against a read only replica.` */
  static async start(error: string): Promise<RefusingRedis> {
    const server = createServer((socket) => redis.serve(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const redis = new RefusingRedis(error, `redis://127.0.0.1:${port}`, () => server.close());
    return redis;
  }

  stop(): void {
    this.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      // A command starts with the number of its words: `*2\r\n$3\r\nGET\r\n…`
      for (const [, name = ''] of chunk.matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)/gm))
        socket.write(this.answer(name));
    });
  }

  private answer(command: string): string {
    const name = command.toLowerCase();
    if (name === 'select' || name === 'client') return '+OK\r\n';
    if (name === 'info') return '$16\r\nredis_version:7\n\r\n';
    this.refused++;
    return `-${this.error}\r\n`;
  }
}
