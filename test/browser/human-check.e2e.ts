import { expect, it } from 'vitest';
import { type Shop, latestCode, mayAskAgain, openShop, stranger } from './shop.js';
import { arrived } from './states.js';
import { DESKTOP } from './visitor.js';
import { visits } from './visits.js';

const CHALLENGE = /\/human_checks\/$/;

/** The proof of work, or else the picture. */
let either: Shop;
/** The proof of work alone, as production has it; consent and QQ's profile with it. */
let shop: Shop;
const visit = visits(async () => {
  const opened = await openShop({
    env: {
      HUMAN_CHECK: 'altcha',
      HUMAN_CHECK_DIFFICULTY: '100',
      QQ_PROFILE: 'true',
      TERMS_VERSION: '2026-11',
      TERMS_URL: 'http://shop.test/terms.html',
      PRIVACY_URL: 'http://shop.test/privacy.html',
      WEB_ORIGINS: 'http://shop.test,http://plain.test',
    },
  });
  const beside = await openShop({
    beside: opened.app,
    env: { HUMAN_CHECK: 'altcha,picture', HUMAN_CHECK_DIFFICULTY: '100', WEB_ORIGINS: 'http://plain.test' },
  });
  // Not among the origins that Chromium is told to trust: no Web Crypto there.
  shop = { ...opened, hosts: `${opened.hosts}, MAP plain.test:80 ${new URL(opened.app.url).host}` };
  either = { ...beside, hosts: `MAP plain.test:81 ${new URL(beside.app.url).host}` };
  return [shop, either];
});

it('a newcomer binds by keyboard without a picture, agrees to the terms, and hears that the account is new', async () => {
  const visitor = await visit(DESKTOP);
  const { qq, mobile, password } = stranger();
  const { page } = visitor;
  const { keyboard } = page;
  await visitor.reachBindForm(qq);
  await page.getByText(`QQ用户${qq}`).filter({ visible: true }).waitFor();
  expect(await visitor.field('图形验证码').count()).toBe(0);

  await visitor.field('手机号').focus();
  await keyboard.type(mobile);
  await keyboard.press('Enter');
  await page.getByText('已发送至').waitFor();
  await keyboard.type(latestCode(shop, mobile));
  await keyboard.press('Enter');
  await keyboard.type(password);
  await keyboard.press('Enter');
  expect(
    await visitor
      .field('我已阅读并同意《用户协议》和《隐私政策》')
      .evaluate((box) => box === box.ownerDocument.activeElement),
  ).toBe(true);
  await keyboard.press('Space');
  await keyboard.press('Enter');

  await arrived(visitor);
  await page.getByText(`已创建新账号 ${mobile} 并绑定QQ`).waitFor();
  await page.getByText(`QQ用户${qq}`).waitFor();
});

it('every other form sends its SMS too: login, password, second QQ, mobile, closing, registering', async () => {
  const visitor = await visit();
  const { page } = visitor;
  const { mobile, qq } = stranger();
  const agree = () => visitor.field('我已阅读并同意《用户协议》和《隐私政策》').check();

  await page.goto(shop.url);
  await visitor.field('短信验证码').fill(await visitor.receiveCode(mobile));
  await agree();
  await visitor.press('登录');
  await arrived(visitor);

  await mayAskAgain(shop, mobile);
  await page.goto(`${shop.url}/#forgotten`);
  await visitor.field('短信验证码').fill(await visitor.receiveCode(mobile));
  await visitor.field('新密码').fill('another-horse-7');
  await visitor.press('重设密码');
  await visitor.field('密码').fill('another-horse-7');
  await visitor.press('登录');
  await arrived(visitor);

  await mayAskAgain(shop, mobile);
  await visitor.be(qq);
  await visitor.press('绑定QQ');
  await visitor.receiveOwnCode(mobile);
  await visitor.field('账号密码').fill('another-horse-7');
  await visitor.press('确认绑定');
  await page.getByText('QQ已绑定，以后可以用它登录').waitFor();
  await arrived(visitor);

  const { mobile: newMobile, username } = stranger();
  await page.getByText('更换手机号').first().click();
  await visitor.field('新手机号').fill(newMobile);
  await visitor.askForCode();
  await page.getByText('已发送至').waitFor();
  await visitor.field('短信验证码').fill(latestCode(shop, newMobile));
  await visitor.field('账号密码').fill('another-horse-7');
  await visitor.press('更换手机号');
  await page.getByRole('link', { name: '密码登录' }).click();
  await visitor.field('用户名或手机号').fill(newMobile);
  await visitor.field('密码').fill('another-horse-7');
  await visitor.press('登录');
  await arrived(visitor);

  await mayAskAgain(shop, newMobile);
  await page.getByText('注销账号').first().click();
  await visitor.receiveOwnCode(newMobile);
  await visitor.field('账号密码').fill('another-horse-7');
  await visitor.press('注销账号');
  await page.getByText('账号已注销').waitFor();

  await mayAskAgain(shop, newMobile);
  await page.goto(`${shop.url}/#register`);
  await visitor.field('短信验证码').fill(await visitor.receiveCode(newMobile));
  await visitor.field('用户名').fill(username);
  await visitor.field('密码').fill('another-horse-7');
  await agree();
  await visitor.press('注册并登录');
  await arrived(visitor);
}, 120_000);

it('a proof that cannot be had, and one that is refused, are said, and the next press tries anew', async () => {
  const visitor = await visit();
  const { page } = visitor;
  const { mobile } = stranger();
  await page.route(CHALLENGE, (route) => route.abort('connectionreset'));
  await page.goto(shop.url);
  await visitor.field('手机号').fill(mobile);
  await visitor.askForCode();
  await page.getByText('网络不太顺畅').waitFor();
  visitor.forgive(/ERR_CONNECTION_RESET/);
  await page.unroute(CHALLENGE);
  await page.route(/\/sms_codes\/$/, (route) => {
    const body = { ...(route.request().postDataJSON() as object), altcha: btoa('{}') };
    return route.continue({ postData: JSON.stringify(body) });
  });
  await visitor.askForCode();
  await page.getByText('人机验证未通过，请重试').waitFor();
  await page.unroute(/\/sms_codes\/$/);

  await visitor.askForCode();

  await page.getByText('已发送至').waitFor();
});

it('on plain http, without Web Crypto, the SMS is sent all the same', async () => {
  const visitor = await visit(undefined, { ...shop, url: 'http://plain.test' });
  const { page } = visitor;
  const { mobile } = stranger();
  await page.goto('http://plain.test');
  expect(await page.evaluate('typeof crypto.subtle')).toBe('undefined');

  await visitor.field('短信验证码').fill(await visitor.receiveCode(mobile));
  await visitor.field('我已阅读并同意《用户协议》和《隐私政策》').check();
  await visitor.press('登录');

  await arrived(visitor);
});

it('on plain http, the picture stands in where it is allowed', async () => {
  const visitor = await visit(undefined, { ...either, url: 'http://plain.test:81' });
  await visitor.page.goto('http://plain.test:81');

  await visitor.field('图形验证码').waitFor();
});

it('the picture comes where the proof of work fails, and sends the SMS', async () => {
  const visitor = await visit(undefined, either);
  const { page } = visitor;
  const { mobile } = stranger();
  // The shop's address leads to the other service: this one is reached by its own.
  await visitor.context.addInitScript(
    `crypto.subtle.deriveBits = () => Promise.reject(new Error('refused'))`,
  );
  await page.goto(either.app.url);
  await visitor.field('手机号').fill(mobile);
  await page.getByRole('button', { name: '获取验证码' }).filter({ visible: true }).click();
  await visitor.copyPicture();

  await page.getByRole('button', { name: '获取验证码' }).filter({ visible: true }).click();

  await page.getByText('已发送至').waitFor();
});

it('speaks English where the person does', async () => {
  const visitor = await visit({ locale: 'en-GB' });
  const { page } = visitor;
  await page.route(/\/sms_codes\/$/, (route) =>
    route.continue({ postData: '{"mobile":"13800138000","altcha":"x"}' }),
  );
  await page.goto(shop.url);
  await visitor.field('Mobile number').fill(stranger().mobile);

  await page.getByRole('button', { name: 'Send code' }).filter({ visible: true }).click();

  await page.getByText('The human check failed. Try again').waitFor();
});
