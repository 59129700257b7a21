import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Shop, openShop } from './shop.js';
import { DESKTOP, Visitor, launch } from './visitor.js';

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await openShop();
  browser = await launch(shop.hosts);
});

afterAll(async () => {
  await browser.close();
  await shop.close();
});

it("Swagger UI's “Try it out” runs the whole login, and only the announced values have to be pasted", async () => {
  const visitor = await Visitor.come(shop, browser, DESKTOP);
  const { page } = visitor;
  await page.goto(`${shop.url}/docs`);
  const start = new Operation(page, 'get', '/oauth/qq/authorization/');
  const callback = new Operation(page, 'get', '/oauth/qq/users/');
  const picture = new Operation(page, 'get', '/image_codes/{id}/');
  const sms = new Operation(page, 'post', '/sms_codes/');
  const bind = new Operation(page, 'post', '/oauth/qq/users/');
  const whoAmI = new Operation(page, 'get', '/user/');

  const { login_url } = await start.execute();
  const { access_token } = await callback.execute(await holdAtQq(visitor, login_url!));
  await picture.execute();
  await sms.execute({ image_code: await picture.header('x-image-code') });
  const { token } = await bind.execute({ sms_code: await readPhone(visitor), access_token: access_token! });
  await authorize(page, token!);
  const { username, mobile } = await whoAmI.execute();

  expect({ username, mobile }).toEqual({ username: '13800138000', mobile: '138****8000' });
  expect(visitor.complaints).toEqual([]);
  await visitor.leave();
});

/** One operation in Swagger UI, used as a person uses it. */
class Operation {
  private readonly block: Locator;

  constructor(page: Page, method: 'get' | 'post', path: string) {
    this.block = page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });
  }

  /** Replaces examples by the given values, presses Execute, and reads the answer. Only 200 counts as an answer. */
  async execute(pasted: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
    await this.block.locator('.opblock-summary-control').click();
    await this.paste(pasted);
    await this.block.getByRole('button', { name: 'Execute' }).click();
    const answer = this.block.locator('.live-responses-table .response');
    expect(await answer.locator('.response-col_status').textContent()).toMatch(/^200/);
    const picture = answer.locator('img');
    const body = answer.locator('.response-col_description .highlight-code code').first();
    await body.or(picture).waitFor();
    if (await picture.isVisible()) {
      await picture.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
      return {};
    }
    return JSON.parse((await body.textContent()) ?? '') as Record<string, string>;
  }

  /** The value of a response header, as shown. */
  async header(name: string): Promise<string> {
    const headers = await this.block.locator('.live-responses-table .headerline').allTextContents();
    const line = headers.find((header) => header.trim().startsWith(`${name}:`)) ?? '';
    return line.slice(line.indexOf(':') + 1).trim();
  }

  private async paste(pasted: Readonly<Record<string, string>>): Promise<void> {
    const body = this.block.locator('textarea.body-param__text');
    if (await body.isVisible()) {
      const example = JSON.parse(await body.inputValue()) as object;
      return body.fill(JSON.stringify({ ...example, ...pasted }));
    }
    for (const [name, value] of Object.entries(pasted))
      await this.block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  }
}

/** In another tab: logs in at QQ, and stops with the code and state that the callback needs. */
async function holdAtQq(visitor: Visitor, loginUrl: string): Promise<{ code: string; state: string }> {
  const { page, complaints } = await visitor.tab();
  await page.goto(loginUrl);
  await page.getByRole('link', { name: '登录后停在这里' }).click();
  await page.getByRole('link', { name: '林小满' }).click();
  const [code, state] = await Promise.all(
    ['code', 'state'].map((name) => page.getByLabel(name, { exact: true }).inputValue()),
  );
  expect(complaints).toEqual([]);
  await page.close();
  return { code: code!, state: state! };
}

/** In another tab: the code of the message that arrived. */
async function readPhone(visitor: Visitor): Promise<string> {
  const { page } = await visitor.tab();
  await page.goto(`${shop.app.sandbox.url}/phone/`);
  const code = await page.locator('.message .code').first().textContent();
  await page.close();
  return code!.trim();
}

async function authorize(page: Page, token: string): Promise<void> {
  await page.locator('.auth-wrapper').getByRole('button', { name: 'Authorize' }).click();
  const dialog = page.locator('.dialog-ux');
  await dialog.locator('input').first().fill(token);
  await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
  await dialog.getByRole('button', { name: 'Close' }).first().click();
}
