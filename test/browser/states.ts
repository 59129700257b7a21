import { type Person, bindByApi, register, sendSms, setFault, stranger } from './shop.js';
import { type Visitor } from './visitor.js';

/**
 * Every state of the pages and how a person reaches it. Each story yields the name of the state that it has reached.
 * States on one path share a story, because reaching them takes the time.
 */
export const STORIES: Readonly<Record<string, (visitor: Visitor) => AsyncGenerator<string, void>>> = {
  async *'the sandbox'(visitor) {
    const { shop, page } = visitor;
    const sandbox = shop.app.sandbox.url;
    await page.goto((await visitor.begin()).href);
    yield 'sandbox-consent';
    await page.getByRole('link', { name: '登录后停在这里' }).click();
    await page.getByText('不回商城').waitFor();
    yield 'sandbox-consent-hold';
    await page.getByRole('link', { name: '林小满' }).click();
    await page.getByRole('heading', { name: '停在这里' }).waitFor();
    yield 'sandbox-held';
    await page.goto(`${sandbox}/oauth2.0/authorize?client_id=1`);
    yield 'sandbox-refused';
    await page.goto(`${sandbox}/oauth2.0/cancelled`);
    yield 'sandbox-cancelled';
    await page.goto(sandbox);
    yield 'sandbox-home';
    const { mobile } = stranger();
    await page.goto(`${sandbox}/phone/`);
    yield 'sandbox-phone-empty';
    await sendSms(shop, mobile);
    await page.getByText(mobile).waitFor();
    yield 'sandbox-phone';
    await page.goto(`${sandbox}/events/`);
    await page.getByText('短信网关：发送').waitFor();
    yield 'sandbox-events';
    await page.goto(`${sandbox}/faults/`);
    yield 'sandbox-faults';
  },
  async *'the login page'(visitor) {
    const { shop, page } = visitor;
    await page.goto(shop.url);
    await pictureLoaded(page);
    yield 'login';
    await page.getByRole('link', { name: '密码登录' }).click();
    yield 'login-password';
    await visitor.field('用户名或手机号').fill('nobody_here');
    await visitor.field('密码').fill('not-the-password');
    await visitor.press('登录');
    await page.getByText('用户名或密码错误').waitFor();
    yield 'login-wrong-password';
    await page.getByRole('link', { name: '注册新账号' }).click();
    await pictureLoaded(page);
    yield 'register';
    await visitor.press('注册并登录');
    yield 'register-empty';
    await page.goto(`${shop.url}/#forgotten`);
    await pictureLoaded(page);
    yield 'forgotten';
  },
  async *'the binding form'(visitor) {
    const { page } = visitor;
    const { qq, ...shopper } = stranger();
    await visitor.reachBindForm(qq);
    await pictureLoaded(page);
    yield 'callback-bind';
    await visitor.pressBind();
    yield 'callback-bind-empty';
    const code = await visitor.receiveCode(shopper.mobile);
    yield 'callback-bind-sms-sent';
    await visitor.field('密码').fill(shopper.password);
    await visitor.field('短信验证码').fill(code === '000000' ? '111111' : '000000');
    await visitor.pressBind();
    await page.getByText('验证码不对，或已用过、过期').waitFor();
    yield 'callback-bind-wrong-code';
    await visitor.field('短信验证码').fill(code);
    await page.route(/\/oauth\/qq\/users\//, () => undefined);
    await visitor.pressBind();
    await page.getByText('正在绑定').waitFor();
    yield 'callback-bind-busy';
  },
  async *'too many messages'(visitor) {
    const { qq, mobile } = stranger();
    await sendSms(visitor.shop, mobile);
    await visitor.reachBindForm(qq);
    await visitor.field('手机号').fill(mobile);
    await visitor.copyPicture();
    await visitor.press('获取验证码');
    await visitor.page.getByText('操作过于频繁').waitFor();
    await pictureLoaded(visitor.page);
    yield 'callback-bind-too-soon';
  },
  async *'logins that fail'(visitor) {
    const { shop, page } = visitor;
    await page.route(/\/oauth\/qq\/users\//, () => undefined);
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=s.1`);
    await page.getByText('正在与QQ确认').waitFor();
    yield 'callback-waiting';
    await page.unroute(/\/oauth\/qq\/users\//);
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=forged`);
    await page.getByText('登录状态已失效').waitFor();
    yield 'callback-problem';
    await page.goto(`${shop.url}/oauth_callback.html?usercancel=1&state=s.1`);
    await page.getByText('你取消了QQ登录').waitFor();
    yield 'callback-cancelled';
    setFault(shop, { mode: 'http500', on: 'token' });
    await visitor.logInWithQq(stranger().qq);
    await page.getByText('QQ服务暂不可用').waitFor();
    setFault(shop, { mode: 'none' });
    yield 'callback-qq-down';
  },
  async *'the account page'(visitor) {
    const { shop, page } = visitor;
    const owner = stranger();
    await signIn(visitor, owner);
    yield 'account-without-qq';
    await page.getByText('修改密码').first().click();
    await visitor.field('新密码').fill('short');
    await visitor.press('修改密码');
    yield 'account-password';
    await visitor.be(owner.qq);
    await visitor.press('绑定QQ');
    await page.getByRole('heading', { name: '绑定到当前账号' }).waitFor();
    yield 'callback-add';
    await visitor.receiveOwnCode(owner.mobile);
    await visitor.field('账号密码').fill(owner.password);
    await visitor.press('确认绑定');
    await arrived(visitor);
    yield 'account';
    await page.getByRole('button', { name: /^解绑/ }).click();
    yield 'account-unbind';
    await page.goto(shop.url);
    await page.getByText('已登录为').waitFor();
    yield 'signed-in-again';
    await page.getByRole('link', { name: '继续' }).click();
    await arrived(visitor);
    await visitor.press('退出登录');
    await page.getByText('已退出登录').waitFor();
    yield 'logged-out';
  },
  async *'a QQ of somebody else'(visitor) {
    const { qq } = await bindByApi(visitor.shop);
    await signIn(visitor, stranger());
    await visitor.be(qq);
    await visitor.press('绑定QQ');
    await visitor.page.getByRole('heading', { name: '这个QQ已属于另一个账号' }).waitFor();
    yield 'callback-other-account';
  },
};

/** Registers a person and logs in with the password. */
export async function signIn(visitor: Visitor, person: Person): Promise<void> {
  const { shop, page } = visitor;
  const { username, password } = person;
  await register(shop, person);
  await page.goto(`${shop.url}/#password`);
  await visitor.field('用户名或手机号').fill(username);
  await visitor.field('密码').fill(password);
  await visitor.press('登录');
  await arrived({ page });
}

/** A new shopper's path to the account page. */
export async function bindAndArrive(visitor: Visitor, newcomer = stranger()): Promise<void> {
  await visitor.reachBindForm(newcomer.qq);
  await visitor.fillBindForm(newcomer);
  await visitor.pressBind();
  await arrived(visitor);
}

/** Waits until the account page shows everything. */
export async function arrived({ page }: Pick<Visitor, 'page'>): Promise<void> {
  await page.waitForURL('**/user.html*');
  for (const part of ['[data-facts]', '[data-bindings]', '[data-events]'])
    await page.locator(`${part}:not([aria-busy])`).waitFor({ state: 'attached' });
}

async function pictureLoaded(page: Visitor['page']): Promise<void> {
  const picture = page.locator('[data-picture] img').filter({ visible: true });
  await picture.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
}
