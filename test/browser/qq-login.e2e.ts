import { afterEach, describe, expect, it } from 'vitest';
import { type Shop, bindByApi, openShop, sendSms, setFault, stranger } from './shop.js';
import { arrived, bindAndArrive, bindWithWrongPassword, signIn } from './states.js';
import { DESKTOP, PHONE, type Visitor } from './visitor.js';
import { visits } from './visits.js';

let shop: Shop;
const visit = visits(async () => [(shop = await openShop())]);

afterEach(() => setFault(shop, { mode: 'none' }));

describe('a newcomer', () => {
  it('a new shopper binds a QQ and returns to the page where they started', async () => {
    const visitor = await visit();
    const newcomer = stranger();

    await visitor.reachBindForm(newcomer.qq, '/?next=/user.html%3Ffrom=cart');
    await visitor.fillBindForm(newcomer);
    await visitor.pressBind();

    await visitor.page.waitForURL(/\/user\.html/);
    expect(await visitor.kept('token')).toBeTruthy();
    expect(await visitor.kept('user_id')).toMatch(/^\d+$/);
    expect(await visitor.kept('username')).toBe(newcomer.mobile);
  });

  it('a bound QQ logs in without a form the next time', async () => {
    const { qq, mobile } = await bindByApi(shop);
    const visitor = await visit(DESKTOP);

    await visitor.logInWithQq(qq);

    await arrived(visitor);
    expect(await visitor.kept('username')).toBe(mobile);
  });

  it('pressing the button twice binds once', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    await visitor.fillBindForm(newcomer);
    let requests = 0;
    visitor.page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/oauth/qq/users/')) requests += 1;
    });

    await visitor.page.getByRole('button', { name: '绑定并登录' }).dblclick();

    await arrived(visitor);
    expect(requests).toBe(1);
  });
});

describe('an account that exists', () => {
  it('an existing account is bound with its own password, and a wrong password costs no new SMS', async () => {
    const visitor = await visit();
    const owner = await bindWithWrongPassword(visitor);
    await expect.poll(() => visitor.noteOf('密码')).toMatch(/^密码错误：这个手机号已有账号/);
    expect(await visitor.field('密码').evaluate((input) => input === input.ownerDocument.activeElement)).toBe(
      true,
    );

    await visitor.field('密码').fill(owner.password);
    await visitor.pressBind();

    await arrived(visitor);
    expect(await visitor.kept('username')).toBe(owner.username);
  });

  it("the account page adds a QQ, unbinds it, and lists the account's events", async () => {
    const visitor = await visit();
    const owner = stranger();
    await signIn(visitor, owner);
    await visitor.be(owner.qq);

    await visitor.press('绑定QQ');
    await visitor.page.getByRole('heading', { name: '绑定到当前账号' }).waitFor();
    await visitor.receiveOwnCode(owner.mobile);
    await visitor.field('账号密码').fill(owner.password);
    await visitor.press('确认绑定');
    await visitor.page.getByText('QQ已绑定，以后可以用它登录').waitFor();
    await arrived(visitor);
    expect(await visitor.page.locator('[data-events] li').count()).toBeGreaterThan(0);

    await visitor.page.getByRole('button', { name: /^解绑/ }).click();
    await visitor.field('账号密码').fill(owner.password);
    await visitor.press('确认解绑');
    await visitor.page.getByText('QQ已解绑').waitFor();
  });

  it('adding a QQ of another account does not silently switch to that account', async () => {
    const visitor = await visit();
    const other = await bindByApi(shop);
    const owner = stranger();
    await signIn(visitor, owner);
    await visitor.be(other.qq);

    await visitor.press('绑定QQ');
    await visitor.page.getByRole('heading', { name: '这个QQ已属于另一个账号' }).waitFor();

    expect(await visitor.kept('username')).toBe(owner.username);
  });
});

describe('the form', () => {
  it('the form checks each field when the focus leaves it', async () => {
    const visitor = await visit();
    await visitor.reachBindForm(stranger().qq);
    const leave = async (label: string, text: string) => {
      await visitor.field(label).pressSequentially(text);
      await visitor.field(label).blur();
      const note = await visitor.noteOf(label);
      await visitor.field(label).fill('');
      return note;
    };

    expect(await leave('手机号', '12345678901')).toBe('手机号格式不正确');
    expect(await leave('短信验证码', '12345')).toBe('短信验证码应为6位数字');
  });

  it('the form focuses the first wrong field', async () => {
    const visitor = await visit();
    await visitor.reachBindForm(stranger().qq);

    await visitor.pressBind();

    expect(
      await visitor.field('手机号').evaluate((input) => input === input.ownerDocument.activeElement),
    ).toBe(true);
    expect(await visitor.noteOf('短信验证码')).toBe('请输入短信验证码');
  });

  it('the form does not move when its messages appear', async () => {
    const visitor = await visit(PHONE);
    await visitor.reachBindForm(stranger().qq);
    const button = visitor.page.getByRole('button', { name: '绑定并登录' });
    const place = () => button.evaluate((element) => (element as unknown as { offsetTop: number }).offsetTop);
    const before = await place();

    await button.click();

    expect(await visitor.noteOf('手机号')).toBe('请输入手机号');
    expect(await place()).toBe(before);
  });

  it('the form accepts a mobile as people paste it', async () => {
    const visitor = await visit();
    await visitor.reachBindForm(stranger().qq);

    await visitor.field('手机号').pressSequentially('+86 138-0013 8000');
    await visitor.field('手机号').blur();

    expect(await visitor.field('手机号').inputValue()).toBe('138 0013 8000');
  });

  it('the form shows a wrong SMS code below the code', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    await visitor.fillBindForm(newcomer);
    const right = await visitor.field('短信验证码').inputValue();
    await visitor.field('短信验证码').fill(right === '000000' ? '111111' : '000000');

    await visitor.pressBind();

    await expect.poll(() => visitor.noteOf('短信验证码')).toMatch(/^验证码不对，或已用过、过期/);
  });

  it('the form shows a wrong picture code below the picture, and loads another picture', async () => {
    const visitor = await visit();
    const { qq, mobile } = stranger();
    await visitor.reachBindForm(qq);
    await visitor.field('手机号').fill(mobile);
    const first = await visitor.readPicture();
    await visitor.field('图形验证码').fill(first === 'AAAA' ? 'BBBB' : 'AAAA');

    await visitor.press('获取验证码');

    await expect.poll(() => visitor.noteOf('图形验证码')).toBe('图形验证码错误');
    expect(await visitor.field('图形验证码').inputValue()).toBe('');
    await visitor.receiveCode(mobile);
  });

  it('the form says how long to wait after too many messages', async () => {
    const visitor = await visit();
    const { qq, mobile } = stranger();
    await sendSms(shop, mobile);
    await visitor.reachBindForm(qq);
    await visitor.field('手机号').fill(mobile);
    await visitor.copyPicture();

    await visitor.press('获取验证码');

    await expect.poll(() => visitor.noteOf('短信验证码')).toBe('操作过于频繁，请稍后再试');
    await visitor.page.getByRole('button', { name: /秒后重发$/ }).waitFor();
  });

  it('the form waits as long as the server says before it sends again', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    await visitor.fillBindForm(newcomer);
    const full = { statusCode: 503, errorCode: 'OVERLOADED', message: '服务繁忙，请稍后再试' };
    await visitor.page.route(/\/oauth\/qq\/users\/$/, (route) =>
      route.fulfill({ status: 503, headers: { 'Retry-After': '60' }, json: full }),
    );
    await visitor.page.clock.install();
    await visitor.pressBind();
    await visitor.page.getByText('服务繁忙，请稍后再试').waitFor();
    const button = visitor.page.getByRole('button', { name: /秒后可重试$/ });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await visitor.page.unroute(/\/oauth\/qq\/users\/$/);

    await visitor.page.clock.fastForward(60_000);
    await visitor.pressBind();

    await arrived(visitor);
  });

  it('the form counts a new password in characters', async () => {
    const visitor = await visit();
    await visitor.page.goto(`${shop.url}/#register`);
    const leave = async (text: string) => {
      await visitor.field('密码').pressSequentially(text);
      await visitor.field('密码').blur();
      const note = await visitor.noteOf('密码');
      await visitor.field('密码').fill('');
      return note;
    };

    expect(await leave('seven77')).toBe('密码应为8至20个字符');
    expect(await leave('密码密码😀😀😀')).toBe('密码应为8至20个字符');
    expect(await leave('密码密码😀😀😀😀')).toBe('8至20个字符');
  });

  it('the form survives a reload: the mobile, the wait and the bind are still there', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    const code = await visitor.receiveCode(newcomer.mobile);
    expect(visitor.page.url()).toBe(`${shop.url}/oauth_callback.html`);

    await visitor.page.reload();

    await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
    expect((await visitor.field('手机号').inputValue()).replace(/ /g, '')).toBe(newcomer.mobile);
    await visitor.page.getByRole('button', { name: /秒后重发$/ }).waitFor();
    await visitor.field('短信验证码').fill(code);
    await visitor.field('密码').fill(newcomer.password);
    await visitor.pressBind();
    await arrived(visitor);
  });
});

describe('the login page', () => {
  it('signing out everywhere makes the other browser log in again', async () => {
    const here = await visit();
    const there = await visit(DESKTOP);
    const { qq } = await bindByApi(shop);
    for (const visitor of [there, here]) {
      await visitor.logInWithQq(qq);
      await arrived(visitor);
    }

    await here.press('在所有设备上退出');
    await here.page.getByText('已在所有设备上退出').waitFor();
    await there.page.reload();

    await there.page.getByRole('heading', { name: /登录$/ }).waitFor();
    expect(await there.kept('token')).toBeNull();
  });
});

describe('what can go wrong', () => {
  it('an expired bind token leads back to QQ, and from there to the end', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    await visitor.fillBindForm(newcomer);
    const code = await visitor.field('短信验证码').inputValue();
    await spoilBindToken(visitor);
    await visitor.page.reload();
    await visitor.field('短信验证码').fill(code);
    await visitor.field('密码').fill(newcomer.password);

    await visitor.pressBind();
    await visitor.page.getByText('QQ登录已过期').waitFor();
    await visitor.press('重新使用QQ登录');

    await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
    expect((await visitor.field('手机号').inputValue()).replace(/ /g, '')).toBe(newcomer.mobile);
    await visitor.field('短信验证码').fill(code);
    await visitor.field('密码').fill(newcomer.password);
    await visitor.pressBind();
    await arrived(visitor);
  });

  it('when QQ refuses the code, the page says so and starts again', async () => {
    const visitor = await visit();
    const state = (await visitor.begin()).searchParams.get('state');
    await visitor.be(stranger().qq);

    await visitor.page.goto(`${shop.url}/oauth_callback.html?code=${'0'.repeat(32)}&state=${state}`);
    await visitor.page.getByText('QQ授权已失效').waitFor();
    await visitor.press('重新使用QQ登录');

    await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
  });

  it('a forged state gives nothing, and its code is removed from the address bar', async () => {
    const visitor = await visit();

    await visitor.page.goto(`${shop.url}/oauth_callback.html?code=${'0'.repeat(32)}&state=forged`);
    await visitor.page.getByText('登录状态已失效').waitFor();

    expect(visitor.page.url()).toBe(`${shop.url}/oauth_callback.html`);
    expect(await visitor.kept('token')).toBeNull();
  });

  it('a shopper who cancels at QQ may start again or log in another way', async () => {
    const visitor = await visit();

    await visitor.page.goto(`${shop.url}/oauth_callback.html?usercancel=1&state=s.1`);

    await visitor.page.getByText('你取消了QQ登录').waitFor();
    await visitor.page.getByRole('link', { name: '用其他方式登录' }).waitFor();
  });

  it('when QQ is down, the page says so, and works once QQ is back', async () => {
    const visitor = await visit();
    setFault(shop, { mode: 'http500', on: 'token' });
    await visitor.logInWithQq(stranger().qq);
    await visitor.page.getByText('QQ服务暂不可用').waitFor();

    setFault(shop, { mode: 'none' });
    await visitor.press('重新使用QQ登录');

    await visitor.page.getByRole('heading', { name: '绑定账号' }).waitFor();
  });

  it('when the network is down, the form says so and keeps what was typed', async () => {
    const visitor = await visit();
    const newcomer = stranger();
    await visitor.reachBindForm(newcomer.qq);
    await visitor.fillBindForm(newcomer);
    await visitor.page.route(/\/oauth\/qq\/users\/$/, (route) => route.abort('connectionreset'));
    await visitor.pressBind();
    await visitor.page.getByText('网络不太顺畅').waitFor();
    visitor.forgive(/ERR_CONNECTION_RESET/);

    await visitor.page.unroute(/\/oauth\/qq\/users\/$/);
    await visitor.pressBind();

    await arrived(visitor);
  });

  it('going back after a bind does not end in the callback page', async () => {
    const visitor = await visit();
    await bindAndArrive(visitor);

    await visitor.page.goBack();

    expect(visitor.page.url()).not.toContain('oauth_callback');
  });

  it('two tabs that each start a login both finish it', async () => {
    const first = await visit();
    const second = await first.tab();
    const { qq } = stranger();
    const toQq = await first.begin();
    await second.reachBindForm(stranger().qq);

    await first.page.goto(`${toQq.href}&login_as=${qq}`);

    await first.page.getByRole('heading', { name: '绑定账号' }).waitFor();
  });

  it.each(['javascript:alert(1)', '//evil.example', '/\\evil.example', 'https://evil.example/'])(
    'the callback page never goes to %s',
    async (next) => {
      const visitor = await visit();
      const { qq } = await bindByApi(shop);

      await visitor.logInWithQq(qq, `/?next=${encodeURIComponent(next)}`);

      await arrived(visitor);
      expect(new URL(visitor.page.url()).origin).toBe(shop.url);
    },
  );

  it('an answer with a next of another site is not followed', async () => {
    const visitor = await visit();
    const answer = { token: 't', user_id: 1, username: 'u', next: '//evil.example' };
    await visitor.page.route(/\/oauth\/qq\/users\/\?/, (route) => route.fulfill({ json: answer }));

    await visitor.page.goto(`${shop.url}/oauth_callback.html?code=A&state=B`);

    await visitor.page.waitForURL(`${shop.url}/`);
  });
});

async function spoilBindToken({ page }: Visitor): Promise<void> {
  await page.evaluate(
    `sessionStorage.setItem('qq_binding', JSON.stringify({ ...JSON.parse(sessionStorage.getItem('qq_binding')), accessToken: 'expired' }))`,
  );
}
