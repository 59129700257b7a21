import { expect, it } from 'vitest';
import { Keyboard } from './keyboard.js';
import { type Person, type Shop, latestCode, mayAskAgain, openShop, register, stranger } from './shop.js';
import { arrived } from './states.js';
import { DESKTOP, type Visitor } from './visitor.js';
import { visits } from './visits.js';

const STRICT = 'http://dressed.test';

let shop: Shop;
/** With consent, and the proof of work in place of the picture. */
let strict: Shop;
let visitor: Visitor;
let keys: Keyboard;

const comes = visits(async () => {
  shop = await openShop();
  const beside = await openShop({
    beside: shop.app,
    env: {
      PUBLIC_URL: STRICT,
      WEB_ORIGINS: STRICT,
      HUMAN_CHECK: 'altcha',
      HUMAN_CHECK_DIFFICULTY: '100',
      TERMS_VERSION: '2026-11',
      TERMS_URL: `${STRICT}/terms.html`,
      PRIVACY_URL: `${STRICT}/privacy.html`,
    },
  });
  strict = { ...beside, url: STRICT, hosts: `MAP dressed.test:80 ${new URL(beside.app.url).host}` };
  return [shop, strict];
});

async function visit(path: string, at = shop): Promise<void> {
  visitor = await comes(DESKTOP, at);
  keys = new Keyboard(visitor);
  await visitor.page.goto(at.url + path);
  await visitor.page.getByRole('heading', { level: 1 }).filter({ visible: true }).waitFor();
}

/** A person with an account logs in. */
async function logIn(): Promise<Person> {
  const owner = stranger();
  await register(shop, owner);
  await visit('/#password');
  await keys.logIn(owner.username, owner.password);
  return owner;
}

/** Ends the reset of a password and logs in with it. The page has filled in the mobile. */
async function chooseNewPassword(): Promise<void> {
  await keys.on('新密码');
  await keys.enter('another-horse-7');
  await visitor.heading('密码登录');
  await keys.to('密码');
  await keys.enter('another-horse-7');
  await arrived(visitor);
}

it('a new shopper binds by keyboard alone, and chooses the QQ at QQ', async () => {
  const { qq, mobile, password } = stranger();
  await visit('/');

  await keys.use('QQ登录');
  await visitor.heading('QQ登录');
  await keys.to('QQ号');
  await keys.enter(qq);
  await visitor.heading('绑定账号');
  await keys.to('手机号');
  await keys.enter(mobile);
  await keys.passPicture(mobile);
  await keys.on('密码');
  await keys.enter(password);

  await visitor.page.waitForURL(`${shop.url}/user.html*`);
  await visitor.sees('已创建新账号');
});

it('the language is switched and an account registered by keyboard alone', async () => {
  const { username, mobile, password } = stranger();
  await visit('/#password');

  await keys.use('English');
  await visitor.page.getByRole('heading', { name: 'Log in with a password' }).waitFor();
  await keys.use('中文');
  await visitor.heading('密码登录');
  await keys.use('注册新账号');
  await visitor.heading('注册');
  await keys.to('用户名');
  await keys.enter(username);
  await keys.on('手机号');
  await keys.enter(mobile);
  await keys.on('图形验证码');
  const first = await visitor.readPicture();
  await keys.use('看不清，换一张图形验证码');
  await expect.poll(() => visitor.readPicture()).not.toBe(first);
  await keys.passPicture(mobile);
  await keys.on('密码');
  await keys.enter(password);

  await arrived(visitor);
  expect(await visitor.kept('username')).toBe(username);
});

it('a forgotten password is reset, and the new one logs in, by keyboard alone', async () => {
  const owner = stranger();
  await register(shop, owner);
  await visit('/#password');

  await keys.use('忘记密码');
  await visitor.heading('重设密码');
  await keys.to('手机号');
  await keys.enter(owner.mobile);
  await keys.passPicture(owner.mobile);
  await chooseNewPassword();
});

it('an SMS logs in after consent, and the account gets a password, by keyboard alone', async () => {
  const { mobile } = stranger();
  await visit('/', strict);

  await keys.to('手机号');
  await keys.enter(mobile);
  await keys.on('短信验证码');
  await keys.enter(latestCode(strict, mobile));
  await keys.on('我已阅读并同意');
  await keys.to('《用户协议》');
  await visitor.page.keyboard.press('Shift+Tab');
  await keys.on('我已阅读并同意');
  await keys.press('Space');
  await keys.press('Enter');
  await arrived(visitor);

  await mayAskAgain(strict, mobile);
  await keys.use('修改密码');
  await keys.use('没有密码，或忘了密码？用短信设置');
  await visitor.heading('重设密码');
  await keys.to('手机号');
  await keys.enter(mobile);
  await keys.on('短信验证码');
  await keys.enter(latestCode(strict, mobile));
  await chooseNewPassword();
});

it('a QQ is added to the account and unbound by keyboard alone', async () => {
  const owner = await logIn();

  await keys.use('绑定QQ');
  await visitor.heading('QQ登录');
  await keys.to('QQ号');
  await keys.enter(owner.qq);
  await visitor.heading('绑定到当前账号');
  await keys.to('图形验证码');
  await keys.passPicture(owner.mobile);
  await keys.on('账号密码');
  await keys.enter(owner.password);
  await visitor.sees('QQ已绑定，以后可以用它登录');
  await arrived(visitor);

  await keys.use('解绑');
  await keys.on('账号密码');
  await keys.use('取消');
  await keys.on('解绑');
  await keys.press('Enter');
  await keys.on('账号密码');
  await keys.enter(owner.password);
  await visitor.sees('QQ已解绑，请重新登录');
});

it('mobile and password are changed, and every device is logged out, by keyboard alone', async () => {
  const owner = await logIn();
  const { mobile } = stranger();

  await keys.use('更换手机号');
  await keys.to('新手机号');
  await keys.enter(mobile);
  await keys.passPicture(mobile);
  await keys.on('账号密码');
  await keys.enter(owner.password);
  await visitor.sees('请重新登录');
  await keys.use('密码登录');
  await keys.logIn(mobile, owner.password);

  await keys.use('修改密码');
  await keys.to('当前密码');
  await keys.enter(owner.password);
  await keys.on('新密码');
  await keys.enter('another-horse-7');
  await visitor.sees('请重新登录');
  await keys.use('密码登录');
  await keys.logIn(mobile, 'another-horse-7');

  await keys.use('在所有设备上退出');
  await visitor.sees('已在所有设备上退出');
});

it('the account is closed by keyboard alone', async () => {
  const owner = await logIn();

  await keys.use('注销账号');
  await keys.to('图形验证码');
  await keys.passPicture(owner.mobile);
  await keys.on('账号密码');
  await keys.enter(owner.password);

  await visitor.sees('账号已注销');
});

it('the sandbox is used by keyboard alone: its switches, and a login that stops at QQ', async () => {
  const { sandbox } = shop.app;
  await visit('/');
  await visitor.page.goto(sandbox.url);
  await keys.use('故障开关');
  await visitor.heading('故障开关');
  await keys.to('一切正常');
  await keys.press('ArrowDown');
  await keys.use('切换');
  await visitor.sees('现在：先等一会儿，再正常响应');
  await keys.to('先等一会儿');
  await keys.press('ArrowUp');
  await keys.use('切换');
  await visitor.sees('现在：一切正常');

  await visitor.page.goto(shop.url);
  await keys.use('QQ登录');
  await visitor.heading('QQ登录');
  await keys.use('登录后停在这里');
  await visitor.sees('不回商城');
  await keys.use('小企鹅');
  await visitor.heading('停在这里');
  await keys.use('复制 code');
  await visitor.page.getByRole('button', { name: /^已(复制|选中) code$/ }).waitFor();
  await keys.use('不抄了，回商城');
  await visitor.heading('绑定账号');
});
