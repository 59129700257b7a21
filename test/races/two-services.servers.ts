import { expect, it, vi } from 'vitest';
import type { App, StartOptions } from '../support/start-app.js';

/** The number of requests to the first and to the second service of each pair. */
const requests: [number, number][] = [];

// Every race below runs against two services on one database and one Redis. The requests alternate between them.
vi.mock('../support/start-app.js', async (importActual) => {
  const actual = await importActual<typeof import('../support/start-app.js')>();
  const startApp = async (options: StartOptions = {}): Promise<App> => {
    const first = await actual.startApp(options);
    const second = await actual.startApp({ ...options, beside: first });
    const count: [number, number] = [0, 0];
    requests.push(count);
    let turn = 0;
    const url = () => {
      const service = turn++ % 2;
      count[service]! += 1;
      return [first, second][service]!.url;
    };
    return {
      ...first,
      shopper: () => Object.defineProperty(first.shopper(), 'url', { get: url }),
      close: async () => {
        await second.close();
        await first.close();
      },
    };
  };
  return { ...actual, startApp };
});

await import('./races.e2e.js');

it('half of the requests of these races went to each of the two services', () => {
  expect(requests.length).toBeGreaterThan(0);
  for (const [first, second] of requests) {
    expect(first).toBeGreaterThan(100);
    expect(first - second).toBeLessThanOrEqual(1);
  }
});
