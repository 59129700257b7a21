import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pages } from './pages.js';
import { type Shop, openShop, stranger } from './shop.js';
import { bindAndArrive } from './states.js';
import { Visitor, launch } from './visitor.js';

let pages: Pages;
let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  pages = await Pages.serve();
  shop = await openShop({ pagesAt: pages.url });
  pages.apiBase = shop.url;
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await shop.close();
  await pages.close();
});

describe('pages on another origin', () => {
  it('do the whole flow when the API lists them', async () => {
    const visitor = await Visitor.come({ ...shop, url: pages.url }, browser);

    await bindAndArrive(visitor);

    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('can do nothing when it does not', async () => {
    const others = await Pages.serve();
    others.apiBase = shop.url;
    const visitor = await Visitor.come({ ...shop, url: others.url }, browser);

    await visitor.logInWithQq(stranger().qq);

    await visitor.page.getByText('网络不太顺畅').waitFor();
    await visitor.leave();
    await others.close();
  });
});
