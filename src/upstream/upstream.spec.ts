import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ProxySettings } from './proxy.js';
import { UpstreamFault } from './upstream-fault.js';
import { CONNECTIONS, Upstream, type UpstreamAnswer, type UpstreamCall } from './upstream.js';

const opened: { close(): unknown }[] = [];

beforeAll(() => Logger.overrideLogger(false));
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: () => {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

async function server(answering: Answering): Promise<{ url: string; seen: string[]; sockets: Set<Socket> }> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const http = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    sockets.add(request.socket);
    answering(request, response);
  });
  return { url: `http://127.0.0.1:${await listening(http)}`, seen, sockets };
}

function upstream(url: string, timeoutMs = 300, proxy: ProxySettings = {}): Upstream {
  const made = new Upstream({ name: 'test', url, timeoutMs, proxy });
  opened.push(made);
  return made;
}

async function outcome(
  to: Upstream,
  call: Partial<UpstreamCall> = {},
): Promise<UpstreamAnswer | { code: string; maybeSent: boolean }> {
  try {
    return await to.call({ method: 'GET', path: '/', ...call });
  } catch (error) {
    expect(error).toBeInstanceOf(UpstreamFault);
    const { code, maybeSent } = error as UpstreamFault;
    return { code, maybeSent };
  }
}

describe('a call', () => {
  it('a call returns status and text, also of an answer in many pieces', async () => {
    const { url, seen } = await server((_, response) => {
      response.writeHead(201);
      const bytes = [...Buffer.from('好的')];
      const next = () => {
        const byte = bytes.shift();
        if (byte === undefined) response.end();
        else response.write(Buffer.of(byte), () => setImmediate(next));
      };
      next();
    });

    expect(await outcome(upstream(url), { method: 'POST', path: '/a?b=c', body: '{}' })).toEqual({
      status: 201,
      text: '好的',
    });
    expect(seen).toEqual(['POST /a?b=c']);
  });

  it('a call keeps its connection for the next one', async () => {
    const { url, sockets } = await server((_, response) => void response.end('ok'));
    const to = upstream(url);
    // The next call may start before undici has put the connection back, and then opens a second one.
    for (let nth = 0; nth < 10; nth++) await outcome(to);

    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('a hundred simultaneous calls take as long as one', async () => {
    const { url } = await server((_, response) => void setTimeout(() => response.end('ok'), 100));
    const to = upstream(url, 2000);
    const start = performance.now();

    const answers = await Promise.all(Array.from({ length: 100 }, () => outcome(to)));

    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set(['{"status":200,"text":"ok"}']),
    );
    expect(performance.now() - start).toBeLessThan(1500);
  });

  it('a call for the status alone resolves before the body, even if the body never arrives', async () => {
    const { url } = await server((_, response) => void response.writeHead(202).write('half'));

    expect(await outcome(upstream(url), { statusOnly: true })).toEqual({ status: 202, text: '' });
  });
});

describe('a call that fails says whether it may have been sent', () => {
  it('a refused connection was certainly not sent', async () => {
    expect(await outcome(upstream('http://127.0.0.1:1'))).toEqual({ code: 'ECONNREFUSED', maybeSent: false });
  });

  it('a call to an unknown host was certainly not sent', async () => {
    expect(await outcome(upstream('http://no-such-host.invalid', 3000))).toMatchObject({ maybeSent: false });
  });

  it('a deadline before there is a connection: certainly not sent', async () => {
    // A TLS handshake without an answer keeps the connection from being made.
    const port = await listening(createTcpServer());

    expect(await outcome(upstream(`https://127.0.0.1:${port}`))).toEqual({
      code: 'ETIMEDOUT',
      maybeSent: false,
    });
  });

  it('a call that waited in vain for a connection is not sent later either', async () => {
    const { url, seen } = await server(() => undefined);
    const to = upstream(url);
    const holders = Array.from({ length: CONNECTIONS }, () => outcome(to, { timeoutMs: 20_000 }));
    await vi.waitFor(() => expect(seen).toHaveLength(CONNECTIONS), 10_000);

    const waited = await Promise.all(Array.from({ length: 50 }, () => outcome(to, { timeoutMs: 50 })));

    expect(waited.filter((answer) => 'maybeSent' in answer && !answer.maybeSent)).toHaveLength(50);
    expect(seen).toHaveLength(CONNECTIONS);
    await to.close();
    await Promise.all(holders);
  });

  it.each<[string, Answering, string]>([
    ['silence', () => undefined, 'ETIMEDOUT'],
    ['a reset', (request) => void request.socket.resetAndDestroy(), 'ECONNRESET'],
    ['hanging up', (request) => void request.socket.destroy(), 'UND_ERR_SOCKET'],
    ['a body that stalls', (_, response) => void response.writeHead(200).write('half'), 'ETIMEDOUT'],
    [
      'a body that is cut off',
      (request, response) => {
        response.writeHead(200, { 'content-length': '10' }).write('half');
        setTimeout(() => request.socket.destroy(), 20);
      },
      'UND_ERR_SOCKET',
    ],
    ['too long an answer', (_, response) => void response.end('x'.repeat(20_000)), 'ANSWER_TOO_LONG'],
    ['no HTTP', (request) => void request.socket.end('hello\r\n\r\n'), 'HTTPParserError'],
  ])('a call that failed after its start may have been sent: %s', async (_, answering, code) => {
    const { url, seen } = await server(answering);
    const start = performance.now();

    expect(await outcome(upstream(url), { method: 'POST', body: '{}' })).toEqual({ code, maybeSent: true });

    expect(seen).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('a fault never contains the URL', async () => {
    const { url } = await server((request) => void request.socket.destroy());
    const path = '/token?client_secret=hunter2';

    const fault = await upstream(url)
      .call({ method: 'GET', path })
      .catch((error: unknown) => error);

    expect(JSON.stringify(fault, Object.getOwnPropertyNames(fault))).not.toContain('hunter2');
    expect((fault as Error).cause).toBeUndefined();
  });
});

describe('through a proxy', () => {
  /** A proxy that resolves every host to `target`. */
  async function proxy(target: string, status = 200): Promise<{ url: string; seen: string[] }> {
    const seen: string[] = [];
    const http = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      response.end(`absolute ${request.headers.host}`);
    });
    http.on('connect', (request, socket) => {
      seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
        return;
      }
      const { hostname, port } = new URL(target);
      const tunnel = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        tunnel.pipe(socket).pipe(tunnel);
      });
      tunnel.on('error', () => socket.destroy());
      socket.on('error', () => tunnel.destroy());
    });
    return { url: `http://me:p%40ss@127.0.0.1:${await listening(http)}`, seen };
  }
  const BASIC = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;

  it('a proxy for http gets the whole URL, with the user', async () => {
    const { url, seen } = await proxy('http://unused');

    const answer = await outcome(upstream('http://sms.example', 2000, { HTTP_PROXY: url }), {
      path: '/send?v=1',
    });

    expect(answer).toEqual({ status: 200, text: 'absolute sms.example' });
    expect(seen).toEqual([`GET http://sms.example/send?v=1 ${BASIC}`]);
  });

  it('a proxy for https is asked for a tunnel, and only the tunnel carries the request', async () => {
    const target = createTcpServer();
    const hello = new Promise<Buffer>((resolve) => {
      target.on('connection', (socket) => socket.once('data', resolve));
    });
    const port = await listening(target);
    const { url, seen } = await proxy(`http://127.0.0.1:${port}`);

    const pending = outcome(upstream('https://graph.qq.com', 500, { HTTPS_PROXY: url }));

    // 0x16: a TLS handshake.
    expect((await hello)[0]).toBe(0x16);
    expect(await pending).toEqual({ code: 'ETIMEDOUT', maybeSent: false });
    expect(seen).toEqual([`CONNECT graph.qq.com:443 ${BASIC}`]);
  });

  it('a proxy that refuses is reported by its status, and nothing was sent', async () => {
    const { url } = await proxy('http://unused', 407);

    expect(await outcome(upstream('https://graph.qq.com', 2000, { HTTPS_PROXY: url }))).toEqual({
      code: 'PROXY_407',
      maybeSent: false,
    });
  });

  it('a proxy is logged at boot without its password', () => {
    const lines = vi.spyOn(Logger.prototype, 'log').mockReturnValue();
    try {
      upstream('https://graph.qq.com', 300, { HTTPS_PROXY: 'http://me:hunter2@proxy.example:3128' });
      upstream('http://127.0.0.1', 300, { HTTP_PROXY: 'http://me:hunter2@proxy.example:3128' });

      expect(lines.mock.calls).toEqual([
        ['Calls go through a proxy', { upstream: 'test', proxy: 'proxy.example:3128' }],
      ]);
    } finally {
      lines.mockRestore();
    }
  });
});
