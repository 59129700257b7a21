import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Shop } from './shop.js';
import { Visitor, launch } from './visitor.js';

/**
 * Opens the shops and a browser for the tests of a file, and closes them. A test fails if its visitors' pages have
 * logged anything.
 * @param open the first shop is the one that is visited by default
 * @returns what lets a new visitor come
 */
export function visits(
  open: () => Promise<readonly [Shop, ...Shop[]]>,
  start: typeof launch = launch,
): (options?: BrowserContextOptions, at?: Shop) => Promise<Visitor> {
  let shops: readonly [Shop, ...Shop[]];
  let browser: Browser;
  let visitors: Visitor[] = [];

  beforeAll(async () => {
    shops = await open();
    browser = await start(...shops.map(({ hosts }) => hosts));
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    for (const shop of shops.toReversed()) await shop.close();
  });

  afterEach(async () => {
    const complaints = visitors.flatMap((visitor) => visitor.complaints);
    for (const visitor of visitors) await visitor.leave();
    visitors = [];
    expect(complaints).toEqual([]);
  });

  return async (options, at = shops[0]) => {
    const visitor = await Visitor.come(at, browser, options);
    visitors.push(visitor);
    return visitor;
  };
}
