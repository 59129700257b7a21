import { type Person, bindByApi, register, sendSms, setFault, stranger } from './shop.js';
import { type Visitor } from './visitor.js';

/** Every state that a page can be in, and how a person gets there. */
export const STATES: Readonly<Record<string, (visitor: Visitor) => Promise<void>>> = {
  async login({ shop, page }) {
    await page.goto(shop.url);
  },
  async 'login-wrong-password'(visitor) {
    const { shop, page } = visitor;
    await page.goto(shop.url);
    await visitor.field('用户名或手机号').fill('nobody_here');
    await visitor.field('密码').fill('not-the-password');
    await visitor.press('登录');
    await page.getByText('用户名或密码错误').waitFor();
  },
  async register({ shop, page }) {
    await page.goto(`${shop.url}/#register`);
    await pictureLoaded(page);
  },
  async 'register-empty'({ shop, page }) {
    await page.goto(`${shop.url}/#register`);
    await pictureLoaded(page);
    await page.getByRole('button', { name: '注册并登录' }).click();
  },
  async forgotten({ shop, page }) {
    await page.goto(`${shop.url}/#forgotten`);
    await pictureLoaded(page);
  },
  async 'callback-waiting'({ page, ...visitor }) {
    await page.route(/\/oauth\/qq\/users\//, () => undefined);
    await page.goto(`${visitor.shop.url}/oauth_callback.html?code=ABC&state=s.1`);
    await page.getByText('正在与QQ确认').waitFor();
  },
  async 'callback-bind'(visitor) {
    await visitor.reachBindForm(stranger().qq);
    await pictureLoaded(visitor.page);
  },
  async 'callback-bind-empty'(visitor) {
    await visitor.reachBindForm(stranger().qq);
    await pictureLoaded(visitor.page);
    await visitor.pressBind();
  },
  async 'callback-bind-sms-sent'(visitor) {
    await visitor.reachBindForm(stranger().qq);
    await visitor.receiveCode(stranger().mobile);
    await pictureLoaded(visitor.page);
  },
  async 'callback-bind-wrong-code'(visitor) {
    const { qq, mobile, password } = stranger();
    await visitor.reachBindForm(qq);
    await visitor.fillBindForm({ mobile, password });
    await visitor.field('短信验证码').fill('000000');
    await visitor.pressBind();
    await visitor.page.getByText('验证码错误', { exact: true }).waitFor();
    await pictureLoaded(visitor.page);
  },
  async 'callback-bind-too-soon'(visitor) {
    const { qq, mobile } = stranger();
    await sendSms(visitor.shop, mobile);
    await visitor.reachBindForm(qq);
    await visitor.field('手机号').fill(mobile);
    await visitor.copyPicture();
    await visitor.press('获取验证码');
    await visitor.page.getByText('操作过于频繁').waitFor();
    await pictureLoaded(visitor.page);
  },
  async 'callback-bind-busy'(visitor) {
    const { qq, ...shopper } = stranger();
    await visitor.reachBindForm(qq);
    await visitor.fillBindForm(shopper);
    await visitor.page.route(/\/oauth\/qq\/users\//, () => undefined);
    await visitor.pressBind();
    await visitor.page.getByText('正在绑定').waitFor();
    await pictureLoaded(visitor.page);
  },
  async 'callback-problem'({ shop, page }) {
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=forged`);
    await page.getByText('登录状态已失效').waitFor();
  },
  async 'callback-cancelled'({ shop, page }) {
    await page.goto(`${shop.url}/oauth_callback.html?usercancel=1&state=s.1`);
    await page.getByText('你取消了QQ登录').waitFor();
  },
  async 'callback-qq-down'(visitor) {
    setFault(visitor.shop, { mode: 'http500', on: 'token' });
    await visitor.logInWithQq(stranger().qq);
    await visitor.page.getByText('QQ服务暂不可用').waitFor();
    setFault(visitor.shop, { mode: 'none' });
  },
  async 'callback-add'(visitor) {
    await signIn(visitor, stranger());
    await visitor.be(stranger().qq);
    await visitor.press('绑定QQ');
    await visitor.page.getByRole('heading', { name: '绑定到当前账号' }).waitFor();
  },
  async 'callback-other-account'(visitor) {
    const { qq } = await bindByApi(visitor.shop);
    await signIn(visitor, stranger());
    await visitor.be(qq);
    await visitor.press('绑定QQ');
    await visitor.page.getByRole('heading', { name: '这个QQ已属于另一个账号' }).waitFor();
  },
  async account(visitor) {
    await bindAndArrive(visitor);
  },
  async 'account-without-qq'(visitor) {
    await signIn(visitor, stranger());
  },
  async 'account-unbind'(visitor) {
    await bindAndArrive(visitor);
    await visitor.page.getByRole('button', { name: /^解绑/ }).click();
  },
  async 'account-password'(visitor) {
    await signIn(visitor, stranger());
    await visitor.page.getByText('修改密码').first().click();
    await visitor.field('新密码').fill('short');
    await visitor.press('修改密码');
  },
  async 'signed-in-again'(visitor) {
    await signIn(visitor, stranger());
    await visitor.page.goto(visitor.shop.url);
    await visitor.page.getByText('已登录为').waitFor();
  },
  async 'logged-out'(visitor) {
    await signIn(visitor, stranger());
    await visitor.press('退出登录');
    await visitor.page.getByText('已退出登录').waitFor();
  },
  async 'sandbox-consent'(visitor) {
    await visitor.page.goto((await visitor.begin()).href);
  },
  async 'sandbox-consent-hold'(visitor) {
    await visitor.page.goto((await visitor.begin()).href);
    await visitor.page.getByRole('link', { name: '登录后停在这里' }).click();
    await visitor.page.getByText('登录后停在这里').waitFor();
  },
  async 'sandbox-held'(visitor) {
    await visitor.page.goto(`${(await visitor.begin()).href}&hold=1&login_as=10002`);
  },
  async 'sandbox-refused'({ shop, page }) {
    await page.goto(`${shop.app.sandbox.url}/oauth2.0/authorize?client_id=1`);
  },
  async 'sandbox-cancelled'({ shop, page }) {
    await page.goto(`${shop.app.sandbox.url}/oauth2.0/cancelled`);
  },
  async 'sandbox-home'({ shop, page }) {
    await page.goto(`${shop.app.sandbox.url}/`);
  },
  async 'sandbox-phone'({ shop, page }) {
    const { mobile } = stranger();
    await page.goto(`${shop.app.sandbox.url}/phone/`);
    await sendSms(shop, mobile);
    await page.getByText(mobile).waitFor();
  },
  async 'sandbox-faults'({ shop, page }) {
    await page.goto(`${shop.app.sandbox.url}/faults/`);
  },
};

/** Registers somebody and logs in with the password. */
export async function signIn(visitor: Visitor, person: Person): Promise<void> {
  const { shop, page } = visitor;
  const { username, password } = person;
  await register(shop, person);
  await page.goto(shop.url);
  await visitor.field('用户名或手机号').fill(username);
  await visitor.field('密码').fill(password);
  await visitor.press('登录');
  await arrived({ page });
}

/** A newcomer's whole way, to the account page. */
export async function bindAndArrive(visitor: Visitor, newcomer = stranger()): Promise<void> {
  await visitor.reachBindForm(newcomer.qq);
  await visitor.fillBindForm(newcomer);
  await visitor.pressBind();
  await arrived(visitor);
}

/** The account page has all it shows. */
export async function arrived({ page }: Pick<Visitor, 'page'>): Promise<void> {
  await page.waitForURL('**/user.html*');
  for (const part of ['[data-who]', '[data-bindings]', '[data-events]'])
    await page.locator(`${part}:not([aria-busy])`).waitFor({ state: 'attached' });
}

async function pictureLoaded(page: Visitor['page']): Promise<void> {
  const picture = page.locator('[data-picture] img').filter({ visible: true });
  await picture.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
}
