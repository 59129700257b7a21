import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, bindByApi, latestCode, openShop, stranger } from './shop.js';
import { EXAMPLES, SpaExample } from './spa-examples.js';
import { Visitor, launch } from './visitor.js';

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

describe.each(EXAMPLES)('the example of docs/spa.md: %s', (name) => {
  let example: SpaExample;
  let browser: Browser;

  beforeAll(async () => {
    example = await SpaExample.serve(name, shop.url);
    browser = await launch(shop.hosts, example.hosts);
  });

  afterAll(async () => {
    await browser.close();
    await example.close();
  });

  it('binds with the proof of work, once the code is right and the terms are agreed to', async () => {
    const visitor = await Visitor.come({ ...shop, url: WEB }, browser);
    const { page } = visitor;
    const { qq, mobile, password } = stranger();
    await visitor.logInWithQq(qq);
    await visitor.field('手机号').fill(mobile);
    await visitor.press('获取验证码');
    await visitor.sees(`已发送至 ${mobile}`);
    await page.getByRole('button', { name: /^\d+秒后重发$/, disabled: true }).waitFor();
    const code = latestCode(shop, mobile);

    await visitor.field('短信验证码').fill(code === '000000' ? '111111' : '000000');
    await page.getByLabel(/^密码/).fill(password);
    await visitor.press('绑定并登录');
    await visitor.sees('验证码错误');
    await visitor.field('短信验证码').fill(code);
    await visitor.press('绑定并登录');
    await visitor.sees('请先阅读并同意用户协议和隐私政策');
    await page.getByLabel('我已阅读并同意').check();
    await visitor.press('绑定并登录');

    await page.waitForURL(`${WEB}/cart`);
    expect(await visitor.kept('token')).toBeTruthy();
    expect(await visitor.kept('username')).toBe(mobile);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('sends the SMS with the picture where there is no Web Crypto', async () => {
    const visitor = await Visitor.come({ ...shop, url: WEB }, browser);
    const { qq, mobile } = stranger();
    await visitor.context.addInitScript(`Object.defineProperty(crypto, 'subtle', { value: undefined })`);
    await visitor.logInWithQq(qq);
    await visitor.field('手机号').fill(mobile);
    const first = await visitor.readPicture();
    await visitor.field('图形验证码').fill(first === 'AAAA' ? 'BBBB' : 'AAAA');
    await visitor.press('获取验证码');
    await visitor.sees('图形验证码错误');

    await visitor.field('图形验证码').fill(await visitor.readPicture());
    await visitor.press('获取验证码');

    await visitor.sees(`已发送至 ${mobile}`);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('lets a bound QQ in at once, and says when a login is not good', async () => {
    const visitor = await Visitor.come({ ...shop, url: WEB }, browser);
    await visitor.be((await bindByApi(shop)).qq);
    await visitor.page.goto(`${WEB}/qq-callback?code=ABC&state=forged`);
    await visitor.sees('登录状态已失效');

    await visitor.press('重新使用QQ登录');

    await visitor.page.waitForURL(`${WEB}/`);
    expect(await visitor.kept('token')).toBeTruthy();
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });
});
