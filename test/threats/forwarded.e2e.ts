import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counted } from '../support/fixtures.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  // 10.0.0.0/8 is a second proxy. The first one is the test itself.
  app = await startApp({ env: { TRUST_PROXY: '127.0.0.1,10.0.0.0/8' } });
});

afterAll(() => app.close());

/** A request that the rule `starts-per-ip` counts. */
const start = (forwarded: string) =>
  app.shopper().send('/oauth/qq/authorization/?next=/', { headers: { 'x-forwarded-for': forwarded } });
const starts = (network: string) => counted(app, 'starts-per-ip', network);

describe('X-Forwarded-For', () => {
  it.each([
    ['203.0.113.8:51234', '203.0.113.8'],
    ['[2001:db8:1:1::5]:443', '2001:db8:1:1::/64'],
    ['[2001:db8:1:2::5]', '2001:db8:1:2::/64'],
    ['2001:DB8:1:3:0:0:0:5', '2001:db8:1:3::/64'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:710a', '203.0.113.10'],
    ['[::ffff:203.0.113.11]:80', '203.0.113.11'],
    ['fe80:0:0:7::1%eth0', 'fe80:0:0:7::/64'],
    ['198.51.100.1, 203.0.113.12:1234', '203.0.113.12'],
    ['203.0.113.13:1234, 10.0.0.9:80', '203.0.113.13'],
    ['203.0.113.14, [::ffff:10.0.0.9]:80', '203.0.113.14'],
  ])('X-Forwarded-For: the client that "%s" names is counted', async (forwarded, network) => {
    expect((await start(forwarded)).status).toBe(200);

    expect(await starts(network)).toBe(1);
  });

  it.each([
    ['unknown', 21],
    ['_hidden', 22],
    ['203.0.113.99, unknown', 23],
    ['203.0.113.99, 203.0.113.300', 24],
  ])('X-Forwarded-For: the proxy that wrote "%s" is counted, and no earlier entry', async (text, last) => {
    expect((await start(`${text}, 10.0.0.${last}`)).status).toBe(200);

    expect(await starts(`10.0.0.${last}`)).toBe(1);
    expect(await starts('203.0.113.99')).toBe(0);
    expect(app.logRecorder.lines).toContain('X-Forwarded-For names no address');
  });
});
