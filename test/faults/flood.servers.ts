import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServiceProcess } from '../support/service-process.js';
import { newPassword, type Registered, Shopper } from '../support/shopper.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';

/** More than may wait for a connection to the database. */
const LOGINS = 3000;
/** Connections that are opened at once: a listener has a queue of 511. */
const OPENED_AT_ONCE = 100;

let app: App;
let service: ServiceProcess;
let owner: Registered;

beforeAll(async () => {
  app = await startApp();
  owner = await app.shopper().register();
  service = await ServiceProcess.start(
    { ...environmentBeside(app), BCRYPT_COST: '10', LOG_LEVEL: 'warn' },
    app.logRecorder,
  );
});

afterAll(async () => {
  await service.stop('SIGKILL');
  await app.close();
});

async function openConnections(count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(service.url);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Array.from({ length: OPENED_AT_ONCE }, () => connect(Number(port), hostname));
    await Promise.all(more.map((socket) => once(socket, 'connect')));
    sockets.push(...more);
  }
  return sockets;
}

/** Sends one login over an open connection, and resolves with everything received until the service closes it. */
async function login(socket: Socket, address: string, form: object): Promise<string> {
  const body = JSON.stringify(form);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    socket.on('end', () => resolve(answer));
  });
  socket.write(
    [
      'POST /authorizations/ HTTP/1.1',
      'Host: shop',
      'Connection: close',
      `X-Forwarded-For: ${address}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
  return ended;
}

/** The errorCode, or the status if there is none. Text that is not an answer is returned unchanged. */
function wordOf(answer: string): string {
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  return /"errorCode":"(\w+)"/.exec(answer)?.[1] ?? status ?? answer;
}

it('a flood of password logins is answered, each with a result, a limit or OVERLOADED', async () => {
  const sockets = await openConnections(LOGINS);

  // Each comes from another network, as from a botnet.
  const answers = await Promise.all(
    sockets.map((socket, nth) =>
      login(socket, `10.${nth >> 8}.${nth & 255}.7`, {
        username: owner.username,
        password: nth % 3 === 0 ? owner.password : newPassword(),
      }),
    ),
  );

  const counts: Record<string, number> = {};
  for (const answer of answers) counts[wordOf(answer)] = (counts[wordOf(answer)] ?? 0) + 1;
  writeSync(1, `A flood of ${LOGINS} password logins: ${JSON.stringify(counts)}\n`);
  const expected = ['200', 'CREDENTIALS_INVALID', 'OVERLOADED', 'TOO_MANY_REQUESTS'];
  // The log's other lines. LOG_LEVEL omits those for each request.
  expect(
    Object.keys(counts).filter((word) => !expected.includes(word)),
    service.output,
  ).toEqual([]);
  expect(counts.OVERLOADED).toBeGreaterThan(0);
  for (const answer of answers)
    if (/OVERLOADED|TOO_MANY_REQUESTS/.test(answer)) expect(answer).toMatch(/\r\nretry-after: [1-9]/i);
  const later = new Shopper(service.url, app.sandbox, app.logRecorder);
  await expect.poll(async () => (await later.get('/health/ready')).status, { timeout: 10_000 }).toBe(200);
}, 120_000);
