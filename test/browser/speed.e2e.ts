import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.js';
import { newQq } from '../support/shopper.js';
import { APP_KEY } from '../support/start-app.js';
import { ServiceProcess } from '../support/service-process.js';
import { PHONE, launch } from './visitor.js';

const SHOP = 'http://shop.test';
/** Slow 3G: 400 ms a round trip, 400 kbit/s. */
const SLOW_3G = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };
/** Milliseconds. */
const GOAL = 2000;

let sandbox: Sandbox;
let service: ServiceProcess;
let browser: Browser;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, redirectHosts: ['shop.test'] });
  service = await ServiceProcess.start({
    PUBLIC_URL: SHOP,
    QQ_APP_KEY: APP_KEY,
    QQ_BASE_URL: sandbox.url,
    QQ_REDIRECT_URI: `${SHOP}/oauth_callback.html`,
    SMS_HTTP_URL: `${sandbox.url}/phone/messages`,
  });
  browser = await launch(`MAP shop.test:80 ${new URL(service.url).host}`);
});

afterAll(async () => {
  await browser.close();
  await service.stop('SIGTERM');
  await sandbox.close();
});

it('the built callback page shows its largest text within two seconds on slow 3G, with nothing cached', async () => {
  const times: number[] = [];
  // The fastest of three loads, because the machine may be busy.
  while (times.length < 3 && !times.some((time) => time < GOAL)) times.push(await largestPaint());

  console.log(`Largest contentful paint of the callback page: ${times.map(Math.round).join(', ')} ms`);
  expect(Math.min(...times)).toBeLessThan(GOAL);
});

/** Milliseconds until the bind form is painted for a shopper who comes back from QQ. */
async function largestPaint(): Promise<number> {
  const context = await browser.newContext({ ...PHONE, locale: 'zh-CN' });
  const start = await context.request.get(`${service.url}/oauth/qq/authorization/?next=/`);
  const { login_url: loginUrl } = (await start.json()) as { login_url: string };
  const { headers } = await fetch(`${loginUrl}&login_as=${newQq()}`, { redirect: 'manual' });
  const [, cookie = '', value = ''] = /^(\w+)=([^;]+)/.exec(start.headers()['set-cookie'] ?? '') ?? [];
  await context.addCookies([{ name: cookie, value, url: SHOP }]);
  const page = await context.newPage();
  await (await context.newCDPSession(page)).send('Network.emulateNetworkConditions', SLOW_3G);

  await page.goto(headers.get('location')!);
  await page.getByRole('heading', { name: '绑定账号' }).waitFor();

  // The form may be in the document one frame before it is painted, so earlier paints do not count.
  const startTime = await page.evaluate<number>(
    `new Promise((found) => new PerformanceObserver((list) => {
      const form = list.getEntries().find(({ element }) => element && element.textContent.includes('这个QQ还没有绑定账号'));
      if (form) found(form.startTime);
    }).observe({ type: 'largest-contentful-paint', buffered: true }))`,
  );
  await context.close();
  return startTime;
}
