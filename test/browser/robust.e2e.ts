import { expect, it } from 'vitest';
import { type Shop, bindByApi, mayAskAgain, openShop, register, stranger } from './shop.js';
import { arrived, bindWithWrongPassword, finishAnimations, signIn } from './states.js';
import { visits } from './visits.js';

let shop: Shop;
const visit = visits(async () => [(shop = await openShop())]);

it.each(['#toString', '#constructor', '#__proto__', '#nothing', '#%'])(
  'the login page opens with %s in its address',
  async (hash) => {
    const { page } = await visit();

    await page.goto(`${shop.url}/${hash}`);

    await page.getByRole('button', { name: 'QQ登录' }).waitFor();
  },
);

it('#register shows the registration at once, and the title says so', async () => {
  const { page } = await visit();

  await page.goto(`${shop.url}/#register`);

  await page.getByRole('heading', { name: '注册' }).waitFor();
  expect(await page.title()).toBe('注册 · 商城账号');
});

it.each([
  ['null', `Object.defineProperty(window, 'sessionStorage', { get: () => null })`],
  ['throwing', `Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('refused'); } })`],
  ['full', `Storage.prototype.setItem = () => { throw new Error('quota'); }`],
])('a new shopper reaches the bind form with sessionStorage %s', async (_what, script) => {
  const visitor = await visit();
  await visitor.context.addInitScript(script);

  await visitor.reachBindForm(stranger().qq);
});

it('a browser without storage is told so instead of being sent in a circle', async () => {
  const visitor = await visit();
  const owner = stranger();
  await register(shop, owner);
  await visitor.context.addInitScript(
    `for (const kind of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, kind, { get() { throw new Error('refused'); } })`,
  );
  await visitor.page.goto(`${shop.url}/#password`);
  await visitor.field('用户名或手机号').fill(owner.username);
  await visitor.field('密码').fill(owner.password);

  await visitor.press('登录');

  await visitor.page.getByText('浏览器不允许本站保存登录状态').waitFor();
});

it('no button works before the page is ready, and after some seconds the page says what to do', async () => {
  const visitor = await visit();
  const { page } = visitor;
  await page.route(/form\.js$/, (route) => route.abort());

  await page.goto(`${shop.url}/#password`);

  expect(await page.getByRole('button', { disabled: false }).count()).toBe(0);
  // The sentence appears by CSS after eight seconds, which the test does not wait for.
  const late = page.getByText('请检查网络，然后');
  expect(await late.isVisible()).toBe(false);
  await finishAnimations(page);
  await late.waitFor();
  await page.unroute(/form\.js$/);
  await page.getByRole('link', { name: '刷新页面' }).click();
  await page.getByRole('button', { name: 'QQ登录' }).waitFor();
  visitor.forgive(/ERR_FAILED/);
});

it('an ended login leads to the login page with a message, and back', async () => {
  const visitor = await visit();
  const owner = stranger();
  await signIn(visitor, owner);
  await visitor.page.evaluate(`localStorage.setItem('token', 'ended')`);

  await visitor.page.reload();

  await visitor.page.getByText('登录已过期，请重新登录').waitFor();
  expect(new URL(visitor.page.url()).search).toBe('?next=%2Fuser.html');
});

it('logging out while the network is away says so and keeps the login', async () => {
  const visitor = await visit();
  await signIn(visitor, stranger());
  await visitor.context.setOffline(true);

  await visitor.press('退出登录');
  await visitor.page.getByText('网络不太顺畅').waitFor();

  expect(await visitor.kept('token')).toBeTruthy();
  await visitor.context.setOffline(false);
  await visitor.press('退出登录');
  await visitor.page.getByText('已退出登录').waitFor();
  expect(await visitor.kept('token')).toBeNull();
  visitor.forgive(/ERR_INTERNET_DISCONNECTED/);
});

it('logging out in one tab closes the account page of the other', async () => {
  const first = await visit();
  await signIn(first, stranger());
  const second = await first.tab();
  await second.page.goto(`${shop.url}/user.html`);
  await arrived(second);

  await second.press('退出登录');

  await first.sees('已退出登录');
  expect(await first.page.getByText('我的账号').filter({ visible: true }).count()).toBe(0);
});

it('logging in to another account in one tab shows that account in the other', async () => {
  const first = await visit();
  await signIn(first, stranger());
  const second = await first.tab();
  const other = stranger();

  await signIn(second, other);

  await expect.poll(() => first.page.locator('[data-fact="username"]').textContent()).toBe(other.username);
});

it('an SMS code that has expired is no longer said to be good', async () => {
  const visitor = await visit();
  const { page } = visitor;
  await page.clock.install();
  await page.goto(shop.url);
  await visitor.receiveCode(stranger().mobile);

  await page.clock.fastForward(301_000);

  await visitor.sees('验证码已过期，请重新获取');
  expect(await page.getByText('已发送至').count()).toBe(0);
});

it('a person who is logged in and cancels at QQ goes back to the account, not to the login page', async () => {
  const visitor = await visit();
  await signIn(visitor, stranger());
  await visitor.page.goto(`${shop.url}/oauth_callback.html?usercancel=1&state=s.1`);
  await visitor.sees('你取消了QQ登录');

  await visitor.follow('返回当前账号');

  await arrived(visitor);
});

it('a browser without cookies is told what to change instead of being sent in a circle', async () => {
  const visitor = await visit();
  const { page, context } = visitor;
  const toQq = await visitor.begin();
  await context.clearCookies();

  await page.goto(`${toQq.href}&login_as=${stranger().qq}`);

  await visitor.sees('登录状态已失效，请重新使用QQ登录');
  await page.getByText('请允许本站的Cookie').waitFor();
});

it('the account page says when the API fails, and tries again', async () => {
  const visitor = await visit();
  await signIn(visitor, stranger());
  const { page } = visitor;
  const away = { statusCode: 503, errorCode: 'UNAVAILABLE', message: '服务暂不可用，请稍后再试' };
  await page.route(/\/user\/$/, (route) => route.fulfill({ status: 503, json: away }));

  await page.reload();
  await page.getByText('服务暂不可用').waitFor();
  await page.unroute(/\/user\/$/);
  await visitor.press('重试');

  await arrived(visitor);
  await page.getByRole('heading', { name: '我的账号' }).waitFor();
});

it('a wrong password at the bind leads to a new one and back to the bind', async () => {
  const visitor = await visit();
  await bindWithWrongPassword(visitor);

  await visitor.page.getByRole('link', { name: '忘记密码' }).click();
  await visitor.page.getByRole('heading', { name: '重设密码' }).waitFor();
  expect(await visitor.field('手机号').inputValue()).not.toBe('');
  await visitor.page.getByRole('link', { name: '返回绑定QQ' }).click();
  await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
});

it('a password that is reset on the way leads back to the bind, which then works', async () => {
  const visitor = await visit();
  const owner = await bindWithWrongPassword(visitor);
  const code = await visitor.field('短信验证码').inputValue();
  await visitor.page.getByRole('link', { name: '忘记密码' }).click();

  await visitor.sees('已发送至');
  await visitor.field('短信验证码').fill(code);
  await visitor.field('新密码').fill('another-horse-7');
  await visitor.press('重设密码');
  await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
  await visitor.sees('密码已重设');
  // The code is used up, and the page counts the minute.
  await visitor.page.getByRole('button', { name: /秒后重发$/ }).waitFor();
  await mayAskAgain(shop, owner.mobile);
  await visitor.page.evaluate(`sessionStorage.removeItem('sms_sent')`);
  await visitor.page.reload();
  await visitor.fillBindForm({ ...owner, password: 'another-horse-7' });
  await visitor.pressBind();

  await arrived(visitor);
  await visitor.sees('QQ已绑定到你原有的账号');
});

it('a mistyped password at unbinding is no failed login, and after unbinding the login page says why it is there', async () => {
  const visitor = await visit();
  const { qq, password } = await bindByApi(shop);
  await visitor.logInWithQq(qq);
  await arrived(visitor);
  await visitor.unbindButton.click();
  await visitor.field('账号密码').fill('not-hers-at-all');
  await visitor.press('确认解绑');
  await visitor.sees('密码错误');
  const events = visitor.page.locator('[data-events] li');
  await expect
    .poll(async () => {
      await visitor.page.reload();
      await arrived(visitor);
      return (await events.allTextContents()).join('\n');
    })
    .toContain('验证未通过（密码）');
  expect((await events.allTextContents()).join('\n')).not.toContain('未成功');

  await visitor.unbindButton.click();
  await visitor.field('账号密码').fill(password);
  await visitor.press('确认解绑');

  await visitor.sees('QQ已解绑，请重新登录');
  expect(new URL(visitor.page.url()).pathname).toBe('/');
});

it('a browser without JavaScript is told so, and is not asked to wait', async () => {
  const visitor = await visit({ javaScriptEnabled: false });

  await visitor.page.goto(shop.url);

  // Playwright does not look for texts in <noscript>.
  await visitor.page.locator('noscript p').waitFor();
  expect(await visitor.page.getByText('请稍候').isVisible()).toBe(false);
});

it('a browser without modules is told so', async () => {
  const visitor = await visit();
  const { page } = visitor;
  // As such a browser reads it: no module runs, and `nomodule` means nothing.
  await page.route(`${shop.url}/`, async (route) => {
    const html = await (await fetch(shop.app.url)).text();
    await route.fulfill({
      contentType: 'text/html; charset=utf-8',
      body: html.replace(/<script type="module"[^>]*>/g, '<script type="none">').replace(' nomodule', ''),
    });
  });

  await page.goto(`${shop.url}/`);

  await page.getByText('浏览器版本太旧').waitFor();
});

it('a wrong picture takes the focus to the picture, and Enter in the mobile reddens nothing that is yet to come', async () => {
  const visitor = await visit();
  const { page } = visitor;
  await page.goto(`${shop.url}/#register`);
  const isFocused = (label: string) =>
    visitor.field(label).evaluate((input) => input === input.ownerDocument.activeElement);
  await visitor.field('手机号').fill(stranger().mobile);
  await page.keyboard.press('Enter');
  expect(await isFocused('图形验证码')).toBe(true);
  expect(await page.locator('[aria-invalid]').count()).toBe(0);
  const text = await visitor.readPicture();
  await visitor.field('图形验证码').fill(text === 'AAAA' ? 'BBBB' : 'AAAA');

  await page.keyboard.press('Enter');

  await expect.poll(() => visitor.noteOf('图形验证码')).toBe('图形验证码错误');
  expect(await isFocused('图形验证码')).toBe(true);
});

it('one countdown, and a reload still says where the code went', async () => {
  const visitor = await visit();
  const { page } = visitor;
  const { mobile } = stranger();
  await page.goto(shop.url);
  await visitor.receiveCode(mobile);
  expect(await visitor.field('图形验证码').count()).toBe(0);

  await page.reload();

  await visitor.sees('已发送至');
  await page.getByRole('button', { name: /秒后重发$/ }).waitFor();
  expect(await page.getByText(/秒后/).filter({ visible: true }).count()).toBe(1);
});

it('a logged-in person goes on to the page that was asked for', async () => {
  const visitor = await visit();
  await signIn(visitor, stranger());

  await visitor.page.goto(`${shop.url}/?next=/cart.html`);

  expect(await visitor.page.getByRole('link', { name: '继续' }).getAttribute('href')).toBe('/cart.html');
});

it.each([
  ['+86 138-0013 8000', '138 0013 8000'],
  ['\u202d13800138000\u202c', '138 0013 8000'],
  ['138\u200b0013\u20138000', '138 0013 8000'],
  ['(0086) 138.0013.8000', '138 0013 8000'],
  ['１３８００１３８０００', '138 0013 8000'],
])('a mobile pasted as %j is read', async (pasted, shown) => {
  const visitor = await visit();
  await visitor.page.goto(`${shop.url}/#register`);
  const field = visitor.field('手机号');

  await field.fill(pasted);
  await field.blur();

  expect(await field.inputValue()).toBe(shown);
  expect(await visitor.noteOf('手机号')).toBe('');
});

it('a mobile is grouped while it is typed, and the caret stays where it was', async () => {
  const visitor = await visit();
  await visitor.page.goto(`${shop.url}/#register`);
  const field = visitor.field('手机号');
  await field.pressSequentially('1380013800');

  expect(await field.inputValue()).toBe('138 0013 800');
  for (let steps = 0; steps < 9; steps += 1) await visitor.page.keyboard.press('ArrowLeft');
  await visitor.page.keyboard.type('9');

  expect(await field.inputValue()).toBe('138 9001 3800');
  expect(
    await field.evaluate((input) => (input as unknown as { selectionStart: number }).selectionStart),
  ).toBe(5);
});

it('the six digits are taken out of a whole pasted SMS', async () => {
  const visitor = await visit();
  await visitor.page.goto(`${shop.url}/#register`);
  const field = visitor.field('短信验证码');

  await field.fill('【商城】您的验证码是246810，5分钟内有效。客服电话4008001234');
  await field.blur();

  expect(await field.inputValue()).toBe('246810');
});

it('the pages use English for browsers that prefer it, and keep what the visitor chooses', async () => {
  const visitor = await visit({ locale: 'en-GB' });
  const { page } = visitor;
  await page.goto(`${shop.url}/#password`);
  await page.getByRole('heading', { name: 'Log in with a password' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
  await visitor.field('Username or mobile number').fill('nobody_here');
  await visitor.field('Password').fill('not-the-password');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByText('The username or password is wrong').waitFor();

  await page.getByRole('button', { name: '中文' }).click();
  await page.getByRole('heading', { name: '密码登录' }).waitFor();
  await page.reload();

  await page.getByRole('heading', { name: '密码登录' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
});
