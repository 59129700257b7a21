import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pages } from './pages.js';
import { type Shop, openShop, stranger } from './shop.js';
import { bindAndArrive } from './states.js';
import { Visitor, launch } from './visitor.js';

const LISTED = 'http://web.shop.test';
const UNLISTED = 'http://other.shop.test';

let pages: Pages;
let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await openShop({ env: { WEB_ORIGINS: LISTED, QQ_REDIRECT_URI: `${LISTED}/oauth_callback.html` } });
  pages = await Pages.serve(shop.url);
  browser = await launch(
    shop.hosts,
    `MAP web.shop.test:80 ${pages.host}`,
    `MAP other.shop.test:80 ${pages.host}`,
  );
});

afterAll(async () => {
  await browser.close();
  await shop.close();
  await pages.close();
});

describe('pages on another origin', () => {
  it('pages on another origin run the whole flow when WEB_ORIGINS lists them', async () => {
    const visitor = await Visitor.come({ ...shop, url: LISTED }, browser);

    await bindAndArrive(visitor);

    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('pages on another origin can do nothing when WEB_ORIGINS does not list them', async () => {
    const visitor = await Visitor.come({ ...shop, url: UNLISTED }, browser);

    await visitor.logInWithQq(stranger().qq);

    await visitor.page.getByText('网络不太顺畅').waitFor();
    await visitor.leave();
  });
});
