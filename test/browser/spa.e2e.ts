import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, bindByApi, latestCode, openShop, stranger } from './shop.js';
import { EXAMPLES, type Example, SpaExample, isInstalled } from './spa-examples.js';
import type { Visitor } from './visitor.js';
import { visits } from './visits.js';

const WEB = 'http://web.shop.test';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({
    env: {
      WEB_ORIGINS: WEB,
      QQ_REDIRECT_URI: `${WEB}/qq-callback`,
      HUMAN_CHECK: 'altcha,picture',
      HUMAN_CHECK_DIFFICULTY: '100',
      TERMS_VERSION: '2026-11',
      TERMS_URL: `${WEB}/terms.html`,
      PRIVACY_URL: `${WEB}/privacy.html`,
    },
  });
});

afterAll(async () => {
  await shop.close();
});

for (const name of EXAMPLES)
  describe.skipIf(!isInstalled(name))(`the example of docs/spa.md: ${name}`, () => {
    const visit = visits(async () => {
      const example = await SpaExample.serve(name, shop.url);
      return [
        { ...shop, url: WEB, hosts: `${shop.hosts}, ${example.hosts}`, close: () => example.close() },
      ] as const;
    });

    it('binds with the proof of work, once the code is right and the terms are agreed to', async () => {
      const visitor = await visit();
      const { page } = visitor;
      const { button, consent, field } = controlsOf(name, page);
      const { qq, mobile, password } = stranger();
      await visitor.be(qq);
      await page.goto(WEB);
      await button('QQ登录').click();
      await field('手机号').fill(mobile);
      await button('获取验证码').click();
      await visitor.sees(`已发送至 ${mobile}`);
      await button(/^\d+秒后重发$/)
        .and(page.locator('[disabled]'))
        .waitFor();
      const code = latestCode(shop, mobile);

      await field('短信验证码').fill(code === '000000' ? '111111' : '000000');
      await field(/^密码/).fill(password);
      await button('绑定并登录').click();
      await visitor.sees('验证码错误');
      await field('短信验证码').fill(code);
      await button('绑定并登录').click();
      await visitor.sees('请先阅读并同意用户协议和隐私政策');
      await consent().click();
      await button('绑定并登录').click();

      await page.waitForURL(`${WEB}/cart`);
      expect(await visitor.kept('token')).toBeTruthy();
      expect(await visitor.kept('user_id')).toMatch(/^\d+$/);
      expect(await visitor.kept('username')).toBe(mobile);
      forgiveForm(name, visitor);
    });

    it('sends the SMS with the picture where there is no Web Crypto', async () => {
      const visitor = await visit();
      const { page } = visitor;
      const { button, field } = controlsOf(name, page);
      const { qq, mobile } = stranger();
      await visitor.context.addInitScript(`Object.defineProperty(crypto, 'subtle', { value: undefined })`);
      await visitor.be(qq);
      await page.goto(WEB);
      await button('QQ登录').click();
      await field('手机号').fill(mobile);
      const first = await visitor.readPicture();
      await field('图形验证码').fill(first === 'AAAA' ? 'BBBB' : 'AAAA');
      await button('获取验证码').click();
      await visitor.sees('图形验证码错误');

      // uni's image shows another address only when its picture is there.
      await expect.poll(() => visitor.readPicture()).not.toBe(first);
      await field('图形验证码').fill(await visitor.readPicture());
      await button('获取验证码').click();

      await visitor.sees(`已发送至 ${mobile}`);
      forgiveForm(name, visitor);
    });

    it('lets a bound QQ in at once, and says when a login is not good', async () => {
      const visitor = await visit();
      const { button } = controlsOf(name, visitor.page);
      await visitor.be((await bindByApi(shop)).qq);
      await visitor.page.goto(`${WEB}/qq-callback?code=ABC&state=forged`);
      await visitor.sees('登录状态已失效');

      await button('重新使用QQ登录').click();

      await visitor.page.waitForURL(`${WEB}/`);
      expect(await visitor.kept('token')).toBeTruthy();
    });
  });

/** uni's form is an element of its own, and Chromium looks for HTML's form around a password. */
function forgiveForm(example: Example, visitor: Visitor): void {
  if (example === 'uni-app (H5)') visitor.forgive(/Password field is not contained in a form/);
}

/** How a person finds the controls: by their labels and texts. */
function controlsOf(example: Example, page: Page) {
  if (example !== 'uni-app (H5)')
    return {
      button: (text: string | RegExp) => page.getByRole('button', { name: text, exact: true }),
      consent: () => page.getByLabel('我已阅读并同意'),
      field: (label: string | RegExp) => page.getByLabel(label, { exact: true }),
    };
  // uni's components are elements of its own, without the roles of HTML's.
  const label = (text: string | RegExp) => page.locator('uni-label').filter({ hasText: text });
  return {
    button: (text: string | RegExp) => page.locator('uni-button').filter({ hasText: text }),
    consent: () => label('我已阅读并同意'),
    field: (text: string | RegExp) => label(text).locator('input'),
  };
}
