import { createServer } from 'node:net';
import { once } from 'node:events';
import { register } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MetricsServer } from '../../src/http/metrics-server.js';
import { newName, newPassword } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;
let url: string;

beforeAll(async () => {
  app = await startApp({ env: { METRICS_PORT: '0' } });
  url = `http://127.0.0.1:${app.nest.get(MetricsServer).port}/metrics`;
});

afterAll(() => app.close());

const scrape = async (): Promise<string> => (await fetch(url)).text();

/** The value of one series; 0 if it does not exist. */
async function valueOf(series: string): Promise<number> {
  const line = (await scrape()).split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}

describe('metrics', () => {
  it("metrics are served in Prometheus' format on their own port only", async () => {
    const answer = await fetch(url);

    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await answer.text()).toContain('qq_account_redis_connected 1');
    expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
    expect((await app.shopper().get('/metrics')).status).toBe(404);
  });

  it('metrics count logins by outcome, and time them by route and status', async () => {
    const login = { method: 'POST', route: '/authorizations' };
    const failures = `qq_account_http_requests_total{method="POST",route="${login.route}",outcome="CREDENTIALS_INVALID"}`;
    const timed = `qq_account_http_request_duration_seconds_count{method="POST",route="${login.route}",status="400"}`;
    const [failed, measured] = [await valueOf(failures), await valueOf(timed)];

    await app.shopper().post('/authorizations/', { username: newName(), password: newPassword() });

    await expect.poll(() => valueOf(failures)).toBe(failed + 1);
    expect(await valueOf(timed)).toBe(measured + 1);
  });

  it('metrics count binds by outcome', async () => {
    const binds = 'qq_account_http_requests_total{method="POST",route="/oauth/qq/users",outcome=';
    const [bound, refused] = [await valueOf(`${binds}"ok"}`), await valueOf(`${binds}"BIND_TOKEN_INVALID"}`)];
    const shopper = app.shopper();
    const form = await shopper.bindForm();

    expect((await shopper.bind(form)).status).toBe(200);
    expect((await shopper.bind({ ...form, access_token: 'x.y.z' })).status).toBe(400);

    await expect.poll(() => valueOf(`${binds}"BIND_TOKEN_INVALID"}`)).toBe(refused + 1);
    expect(await valueOf(`${binds}"ok"}`)).toBe(bound + 1);
  });

  it('metrics name routes by their pattern, whatever the path', async () => {
    await app.shopper().get('/image_codes/00000000-0000-4000-8000-000000000000/');
    await app.shopper().get('/no/such/path/13800138000');

    const text = await scrape();
    expect(text).toContain('route="/image_codes/:id"');
    expect(text).not.toContain('13800138000');
    expect(text).not.toContain('00000000-0000');
  });

  it('metrics that cannot be collected are answered with 503, and the log says why', async () => {
    vi.spyOn(register, 'metrics').mockRejectedValueOnce(new TypeError('nothing to count'));

    const { status } = await fetch(url);

    expect(status).toBe(503);
    await expect
      .poll(() => app.logRecorder.lines)
      .toMatch(/"cause":"TypeError","msg":"Metrics not collected"/);
    expect((await fetch(url)).status).toBe(200);
  });

  it('a metrics port in use stops the start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };

    await expect(startApp({ beside: app, env: { METRICS_PORT: String(port) } })).rejects.toThrow(
      'METRICS_PORT: cannot be listened on (EADDRINUSE)',
    );

    taken.close();
  });
});
