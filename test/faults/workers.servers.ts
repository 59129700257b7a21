import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.js';
import { type Backends, freshBackends } from '../support/backends.js';
import { LogRecorder } from '../support/log-recorder.js';
import { freePort } from '../support/servers.js';
import { ServiceProcess } from '../support/service-process.js';
import { newQq, Shopper } from '../support/shopper.js';
import { APP_KEY } from '../support/start-app.js';

let backends: Backends;
let sandbox: Sandbox;
let service: ServiceProcess;
let metricsPort: number;

const environment = () => ({
  NODE_ENV: 'test',
  PUBLIC_URL: 'http://shop.test',
  TRUST_PROXY: '127.0.0.1',
  JWT_SECRET: 'a-secret-for-tests-0123456789-abcdefghij',
  QQ_APP_KEY: APP_KEY,
  QQ_BASE_URL: sandbox.url,
  QQ_REDIRECT_URI: 'http://localhost/oauth_callback.html',
  SMS_HTTP_URL: `${sandbox.url}/phone/messages`,
  BCRYPT_COST: '4',
  IMAGE_CODE_HEADER: 'on',
  WEB_CONCURRENCY: '2',
  METRICS_PORT: String(metricsPort),
  ...backends.env,
});

beforeAll(async () => {
  [backends, sandbox] = await Promise.all([freshBackends(), startSandbox({ port: 0 })]);
  metricsPort = await freePort();
  service = await ServiceProcess.start(environment());
});

afterAll(async () => {
  await service.stop('SIGTERM');
  await sandbox.close();
});

/** The process ids of the started workers, the newest last. */
const workers = (): number[] =>
  [...service.output.matchAll(/Worker started.*?workerPid"?:\s*(?:\S*m)?(\d+)/gs)].map(([, pid]) =>
    Number(pid),
  );

/** Whether a process exists. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // Only ESRCH is possible: the test runs as the user that started the process.
    return false;
  }
}

async function bindOnce(): Promise<number> {
  const shopper = new Shopper(service.url, sandbox, new LogRecorder());
  return (await shopper.bind(await shopper.bindForm({ qq: newQq() }))).status;
}

describe('two workers', () => {
  it('two workers bind for twenty people at once, replace a killed worker, and stop together', async () => {
    await expect.poll(workers, { timeout: 20_000 }).toHaveLength(2);
    const first = await Promise.all(Array.from({ length: 20 }, bindOnce));
    expect(first).toEqual(Array<number>(20).fill(200));

    // Both workers have served requests, and one port reports both.
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const bound =
      /^qq_account_http_requests_total\{method="POST",route="\/oauth\/qq\/users",outcome="ok"\} (\d+)$/m;
    expect(Number(bound.exec(metrics)?.[1])).toBe(20);
    expect(metrics).toMatch(/^qq_account_redis_connected 1$/m);

    const [victim, survivor] = workers() as [number, number];
    process.kill(victim, 'SIGKILL');
    await expect.poll(workers, { timeout: 20_000 }).toHaveLength(3);
    const replacement = workers().at(-1)!;
    expect([lives(victim), lives(survivor), lives(replacement)]).toEqual([false, true, true]);
    const second = await Promise.all(Array.from({ length: 20 }, bindOnce));
    expect(second).toEqual(Array<number>(20).fill(200));

    expect(await service.stop('SIGTERM')).toBe(0);
    expect([lives(survivor), lives(replacement)]).toEqual([false, false]);
  });

  it('workers that cannot start end the service with exit code 1 and the reason', async () => {
    const refused = await ServiceProcess.spawn({
      ...environment(),
      DATABASE_URL: 'mysql://nobody:x@127.0.0.1:1/none',
    });

    expect(await refused.ended).toBe(1);
    expect(refused.output).toMatch(/DATABASE_URL/);
  });
});
