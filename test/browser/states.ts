import {
  type Person,
  bindByApi,
  latestCode,
  mayAskAgain,
  register,
  sendSms,
  setFault,
  stranger,
} from './shop.js';
import { type Visitor } from './visitor.js';

type Stories = Readonly<Record<string, (visitor: Visitor) => AsyncGenerator<string, void>>>;

/**
 * Every state of the pages and how a person reaches it. Each story yields the name of the state that it has reached.
 * States on one path share a story, because reaching them takes the time.
 */
export const STORIES: Stories = {
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
    await visitor.follow('密码登录');
    yield 'login-password';
    await visitor.field('用户名或手机号').fill('nobody_here');
    await visitor.field('密码').fill('not-the-password');
    await visitor.press('登录');
    await visitor.sees('用户名或密码错误');
    yield 'login-wrong-password';
    await visitor.follow('注册新账号');
    await pictureLoaded(page);
    yield 'register';
    await visitor.press('注册并登录');
    yield 'register-empty';
    await page.goto(`${shop.url}/#forgotten`);
    await pictureLoaded(page);
    yield 'forgotten';
  },
  async *'a forgotten password'(visitor) {
    const { shop, page } = visitor;
    const owner = stranger();
    await register(shop, owner);
    await page.goto(`${shop.url}/#forgotten`);
    const code = await visitor.receiveCode(owner.mobile);
    yield 'forgotten-sms-sent';
    await visitor.field('短信验证码').fill(code);
    await visitor.field('新密码').fill('another-horse-7');
    await visitor.press('重设密码');
    await visitor.heading('密码登录');
    yield 'login-after-reset';
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
    await visitor.sees('验证码不对，或已用过、过期');
    yield 'callback-bind-wrong-code';
    await visitor.field('短信验证码').fill(code);
    await page.route(/\/oauth\/qq\/users\//, () => undefined);
    await visitor.pressBind();
    await visitor.sees('正在绑定');
    yield 'callback-bind-busy';
  },
  async *'a mobile that has an account'(visitor) {
    const owner = await bindWithWrongPassword(visitor);
    await visitor.sees('密码错误：这个手机号已有账号');
    yield 'callback-bind-wrong-password';
    await visitor.field('密码').fill(owner.password);
    await visitor.page.route(/\/user\.html/, (route) => route.fulfill({ status: 204 }));
    await visitor.pressBind();
    await visitor.heading('登录成功');
    yield 'callback-done';
    await visitor.page.unroute(/\/user\.html/);
    await visitor.follow('没有反应？点这里继续');
    await visitor.sees('QQ已绑定到你原有的账号');
    await arrived(visitor);
    yield 'account-bound';
  },
  async *'an SMS that does not come'(visitor) {
    const { shop } = visitor;
    const { qq, mobile } = stranger();
    await sendSms(shop, mobile);
    await visitor.reachBindForm(qq);
    await visitor.field('手机号').fill(mobile);
    await visitor.askForCode();
    await visitor.sees('操作过于频繁，请稍后再试');
    await pictureLoaded(visitor.page);
    yield 'callback-bind-too-soon';
    shop.app.sandbox.smsFault = 'refuse';
    await visitor.field('手机号').fill(stranger().mobile);
    await visitor.askForCode();
    await visitor.sees('短信发送失败，请稍后再试');
    shop.app.sandbox.smsFault = 'none';
    await pictureLoaded(visitor.page);
    yield 'callback-bind-sms-failed';
  },
  async *'logins that fail'(visitor) {
    const { shop, page } = visitor;
    await page.route(/\/oauth\/qq\/users\//, () => undefined);
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=s.1`);
    await visitor.sees('正在与QQ确认');
    yield 'callback-waiting';
    await page.unroute(/\/oauth\/qq\/users\//);
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=forged`);
    await visitor.sees('登录状态已失效，请重新使用QQ登录');
    yield 'callback-problem';
    await page.goto(`${shop.url}/oauth_callback.html?usercancel=1&state=s.1`);
    await page.getByText(visitor.english ? 'You cancelled the QQ login' : '你取消了QQ登录').waitFor();
    yield 'callback-cancelled';
    setFault(shop, { mode: 'http500', on: 'token' });
    await visitor.logInWithQq(stranger().qq);
    await visitor.sees('QQ服务暂不可用，请稍后再试');
    setFault(shop, { mode: 'none' });
    yield 'callback-qq-down';
    const message = visitor.words('该QQ绑定存在冲突，请联系客服');
    await page.route(/\/oauth\/qq\/users\//, (route) =>
      route.fulfill({ status: 400, json: { statusCode: 400, errorCode: 'QQ_CONFLICT', message } }),
    );
    await page.goto(`${shop.url}/oauth_callback.html?code=ABC&state=s.1`);
    await visitor.sees('该QQ绑定存在冲突，请联系客服');
    yield 'callback-qq-conflict';
  },
  async *'a network that fails'(visitor) {
    const { shop, page, context } = visitor;
    await page.route(/\/image_codes\//, (route) => route.abort());
    await page.goto(shop.url);
    await page.locator('[data-broken]').filter({ visible: true }).waitFor();
    visitor.forgive(/ERR_FAILED/);
    yield 'login-picture-failed';
    await context.setOffline(true);
    await visitor.press('QQ登录');
    await page.getByText(visitor.english ? 'The network is not working' : '网络不太顺畅').waitFor();
    visitor.forgive(/ERR_INTERNET_DISCONNECTED/);
    yield 'login-offline';
    await context.setOffline(false);
    await page.route(/\/form\.js$/, (route) => route.abort());
    await page.reload();
    await finishAnimations(page);
    // Without the modules, nothing is translated.
    await page.getByText('请检查网络，然后').waitFor();
    visitor.forgive(/ERR_FAILED/);
    yield 'login-modules-failed';
  },
  async *'the account page'(visitor) {
    const { shop, page } = visitor;
    const owner = stranger();
    await signIn(visitor, owner);
    yield 'account-without-qq';
    await visitor.unfold('修改密码');
    await visitor.field('新密码').fill('short');
    await visitor.press('修改密码');
    yield 'account-password';
    await visitor.unfold('更换手机号');
    await visitor.field('新手机号').fill(stranger().mobile);
    await visitor.askForCode();
    await visitor.sees('已发送至');
    yield 'account-mobile';
    await page.reload();
    await visitor.be(owner.qq);
    await visitor.press('绑定QQ');
    await visitor.heading('绑定到当前账号');
    yield 'callback-add';
    await visitor.receiveOwnCode(owner.mobile);
    await visitor.field('账号密码').fill(owner.password);
    await visitor.press('确认绑定');
    await arrived(visitor);
    yield 'account';
    await visitor.unbindButton.click();
    await visitor.field('账号密码').fill('not-hers-at-all');
    await visitor.press('确认解绑');
    await visitor.sees('密码错误');
    yield 'account-unbind';
    await page.goto(shop.url);
    await visitor.sees('已登录账号');
    yield 'signed-in-again';
    await visitor.follow('继续');
    await arrived(visitor);
    await visitor.press('退出登录');
    await visitor.sees('已退出登录');
    yield 'logged-out';
  },
  async *'the end of an account, and of a login'(visitor) {
    const { page } = visitor;
    const owner = stranger();
    await signIn(visitor, owner);
    await page.route(/\/user\/$/, (route) => route.fulfill({ status: 503, body: '' }));
    await page.reload();
    await visitor.heading('账号暂时打不开');
    yield 'account-problem';
    await page.unroute(/\/user\/$/);
    await page.evaluate(`localStorage.setItem('token', 'ended')`);
    await page.reload();
    await visitor.sees('登录已过期，请重新登录');
    yield 'login-expired';
    await logIn(visitor, owner);
    await visitor.unfold('注销账号');
    await visitor.receiveOwnCode(owner.mobile);
    yield 'account-close';
    await visitor.field('账号密码').fill(owner.password);
    await visitor.press('注销账号');
    await visitor.sees('账号已注销');
    yield 'account-closed';
  },
  async *'a QQ of another account'(visitor) {
    const { qq } = await bindByApi(visitor.shop);
    await signIn(visitor, stranger());
    await visitor.be(qq);
    await visitor.press('绑定QQ');
    await visitor.heading('这个QQ已属于另一个账号');
    yield 'callback-other-account';
  },
};

/** In a shop that has everything an operator can set, and the proof of work in place of the picture. */
export const DRESSED_STORIES: Stories = {
  async *'consent, a known QQ, and no picture'(visitor) {
    const { shop, page } = visitor;
    const { mobile, password } = stranger();
    // A QQ with a nickname. Both languages bind one.
    const qq = visitor.english ? '10003' : '10002';
    await page.goto(shop.url);
    await visitor.field('手机号').waitFor();
    yield 'dressed-login';
    await page.goto(`${shop.url}/#register`);
    await visitor.heading('注册');
    yield 'dressed-register';
    await page.route(/\/sms_codes\/$/, (route) => {
      const body = { ...(route.request().postDataJSON() as object), altcha: btoa('{}') };
      return route.continue({ postData: JSON.stringify(body) });
    });
    await visitor.field('手机号').fill(mobile);
    await visitor.askForCode();
    await visitor.sees('人机验证未通过，请重试');
    await page.unroute(/\/sms_codes\/$/);
    yield 'dressed-human-check-failed';
    await visitor.reachBindForm(qq);
    yield 'dressed-bind';
    await visitor.fillBindForm({ mobile, password });
    await visitor.pressBind();
    await visitor.sees('请先阅读并同意用户协议和隐私政策');
    yield 'dressed-bind-without-consent';
    await page.getByRole('checkbox').filter({ visible: true }).check();
    await visitor.pressBind();
    await visitor.sees('已创建新账号');
    await arrived(visitor);
    yield 'dressed-account';
    await mayAskAgain(shop, mobile);
    await visitor.be(stranger().qq);
    await visitor.press('绑定QQ');
    await visitor.heading('绑定到当前账号');
    await visitor.field('短信验证码').waitFor();
    yield 'dressed-add';
    await visitor.askForCode();
    await visitor.sees('已发送至账号绑定的手机');
    await visitor.field('短信验证码').fill(latestCode(shop, mobile));
    yield 'dressed-add-sms-sent';
  },
};

/** Registers a person and logs in with the password. */
export async function signIn(visitor: Visitor, person: Person): Promise<void> {
  await register(visitor.shop, person);
  await visitor.page.goto(`${visitor.shop.url}/#password`);
  await logIn(visitor, person);
}

async function logIn(visitor: Visitor, { username, password }: Person): Promise<void> {
  const login = visitor.page.getByRole('link', { name: visitor.words('密码登录') });
  await visitor.page.getByRole('heading', { level: 1 }).filter({ visible: true }).waitFor();
  if (await login.isVisible()) await login.click();
  await visitor.field('用户名或手机号').fill(username);
  await visitor.field('密码').fill(password);
  await visitor.press('登录');
  await arrived(visitor);
}

/** A person with an account tries to bind a QQ to it, but gives another password. */
export async function bindWithWrongPassword(visitor: Visitor): Promise<Person> {
  const owner = stranger();
  await register(visitor.shop, owner);
  await visitor.reachBindForm(owner.qq);
  await visitor.fillBindForm({ ...owner, password: 'not-hers-at-all' });
  await visitor.pressBind();
  return owner;
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

/** Shows what appears by CSS after some seconds. */
export async function finishAnimations(page: Visitor['page']): Promise<void> {
  await page.evaluate(`document.getAnimations().forEach((animation) => {
    if (animation.animationName === 'appear') animation.finish();
  })`);
}

async function pictureLoaded(page: Visitor['page']): Promise<void> {
  const picture = page.locator('[data-picture] img').filter({ visible: true });
  await picture.evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
}
