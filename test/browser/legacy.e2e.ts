import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, OldPages } from './old-pages.js';
import { type Person, type Shop, latestCode, openShop, stranger } from './shop.js';
import { launch, Visitor } from './visitor.js';

const PAGES = 'http://www.meiduo.site:8080';
const API = 'http://api.meiduo.site:8000';
let shop: Shop;

beforeAll(async () => {
  shop = await openShop({
    env: {
      LEGACY_CLIENT: 'true',
      PUBLIC_URL: API,
      WEB_ORIGINS: PAGES,
      QQ_REDIRECT_URI: `${PAGES}/oauth_callback.html`,
    },
    sandbox: { redirectHosts: ['www.meiduo.site', 'api.meiduo.site'] },
  });
});

afterAll(() => shop.close());

describe.each(FAMILIES)('the pages of family $name, on an origin of their own', (family) => {
  let pages: OldPages;
  let browser: Browser;

  beforeAll(async () => {
    pages = await OldPages.serve(family, API);
    browser = await launch(
      `MAP www.meiduo.site:8080 ${pages.host}`,
      `MAP api.meiduo.site:8000 ${new URL(shop.app.url).host}`,
    );
  });
  afterAll(async () => {
    await browser.close();
    await pages.close();
  });

  // An additional header would need a preflight, which the old pages never send.
  const come = () => Visitor.come({ ...shop, url: PAGES }, browser, { extraHTTPHeaders: {} });
  const said = (page: Page, text: string) => page.locator('#said').getByText(text).waitFor();

  /** Copies the picture's text from its header for programs, and reads the SMS on the phone. */
  async function receiveCode(page: Page, mobile: string): Promise<void> {
    const picture = await page.waitForResponse((response) => /image_?codes\//.test(response.url()));
    await page.getByLabel('mobile').fill(mobile);
    await page.getByLabel('text').fill(picture.headers()['x-image-code'] ?? '');
    await page.getByRole('button', { name: 'sms' }).click();
    await said(page, 'sms ok');
    await page.getByLabel('code').fill(latestCode(shop, mobile));
  }

  async function logInWithQq(visitor: Visitor, { qq }: Person): Promise<void> {
    await visitor.be(qq);
    await visitor.page.goto(`${PAGES}/login.html?next=/cart.html`);
    await visitor.page.getByRole('button', { name: 'QQ' }).click();
  }

  it('the old pages bind a QQ on the way from login to cart, and the next time QQ alone leads there', async () => {
    const [visitor, person] = [await come(), stranger()];
    const { page } = visitor;

    const picture = receiveCode(page, person.mobile);
    await logInWithQq(visitor, person);
    await picture;
    await page.getByLabel('password').fill(person.password);
    await page.getByRole('button', { name: 'go' }).click();
    await said(page, `cart of ${person.mobile}`);
    const userId = await visitor.kept('user_id');
    await page.evaluate('localStorage.clear()');
    await logInWithQq(visitor, person);
    await said(page, `cart of ${person.mobile}`);

    expect(await visitor.kept('user_id')).toBe(userId);
    expect(Number(userId)).toBeGreaterThan(0);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('the old pages register, show the account, and send logged-out visitors to the login page', async () => {
    const [visitor, person] = [await come(), stranger()];
    const { page } = visitor;

    const picture = receiveCode(page, person.mobile);
    await page.goto(`${PAGES}/register.html`);
    await picture;
    await page.getByLabel('username').fill(person.username);
    await page.getByLabel('password').fill(person.password);
    await page.getByRole('button', { name: 'go' }).click();
    await said(page, `hello ${person.username}, seen 0`);

    await page.evaluate('localStorage.clear()');
    await page.goto(`${PAGES}/user_center.html`);
    await page.waitForURL(/login\.html\?next=/);
    await page.getByLabel('username').fill(person.mobile);
    await page.getByLabel('password').fill(person.password);
    await page.getByRole('button', { name: 'go' }).click();
    await said(page, `hello ${person.username}, seen 0`);

    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('the old pages show why a request was refused', async () => {
    const visitor = await come();
    const { page } = visitor;

    await page.goto(`${PAGES}/login.html`);
    await page.getByLabel('username').fill('nobody_here');
    await page.getByLabel('password').fill('not-the-password');
    await page.getByRole('button', { name: 'go' }).click();
    await said(page, '用户名或密码错误');

    const picture = receiveCode(page, stranger().mobile);
    await page.goto(`${PAGES}/register.html`);
    await picture;
    await page.getByRole('button', { name: 'sms' }).click();
    await said(page, '图形验证码错误');
    await visitor.leave();
  });
});

describe('beside the old pages, our own page', () => {
  it('beside the old pages, our own page starts logins that only its browser can finish', async () => {
    const browser = await launch(`MAP api.meiduo.site:8000 ${new URL(shop.app.url).host}`);
    const visitor = await Visitor.come({ ...shop, url: API }, browser);

    const begun = await visitor.begin();

    const state = begun.searchParams.get('state') ?? '';
    expect(state).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+$/);
    const elsewhere = await fetch(`${shop.app.url}/oauth/qq/users/?code=${'A'.repeat(32)}&state=${state}`);
    expect(await elsewhere.json()).toMatchObject({ errorCode: 'STATE_INVALID' });
    await browser.close();
  });
});
