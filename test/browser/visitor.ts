import { randomInt } from 'node:crypto';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type LaunchOptions,
  type Locator,
  type Page,
  chromium,
} from 'playwright-core';
import { inject } from 'vitest';
import { inEnglish } from '../../src/common/sentences.js';
import { type Shop, latestCode } from './shop.js';
import { ENGLISH } from './words.js';

export const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } as const;
export const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Treats the origins like https. Over http, browsers warn about security headers.
  '--unsafely-treat-insecure-origin-as-secure=http://shop.test,http://web.shop.test,http://dressed.test',
];

/** Starts the installed Chromium, which resolves the tests' hosts to their real addresses. */
export function launch(...hosts: readonly string[]): Promise<Browser> {
  return chromium.launch(optionsFor(hosts));
}

/**
 * Starts Chromium with the back/forward cache that people's browsers have and Playwright switches off.
 * `page.goBack()` does not see the end of a navigation that comes out of it: use `visitor.goBack()`.
 */
export function launchWithPageCache(...hosts: readonly string[]): Promise<Browser> {
  return chromium.launch({ ...optionsFor(hosts), ignoreDefaultArgs: ['--disable-back-forward-cache'] });
}

function optionsFor(hosts: readonly string[]): LaunchOptions {
  return {
    executablePath: inject('chromium'),
    args: [...FLAGS, `--host-resolver-rules=${hosts.join(', ')}`],
  };
}

/** What a visitor's pages report when the browser takes them out of its back/forward cache. */
const RESTORED = 'restored from the back/forward cache';

/** A person with a browser of their own. Every complaint of the browser is recorded. */
export class Visitor {
  private readonly pictures = new Map<string, string>();

  private constructor(
    readonly shop: Shop,
    readonly context: BrowserContext,
    readonly page: Page,
    /** Whether the pages speak English to them. */
    readonly english: boolean,
    /** Messages of the console and of the content security policy, in all tabs. */
    readonly complaints: string[] = [],
  ) {
    this.listenTo(page);
  }

  static async come(shop: Shop, browser: Browser, options: BrowserContextOptions = PHONE): Promise<Visitor> {
    const context = await browser.newContext({
      locale: 'zh-CN',
      timezoneId: 'Asia/Shanghai',
      // A separate client address, as a proxy in front of the service would set it.
      extraHTTPHeaders: { 'X-Forwarded-For': `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}` },
      ...options,
    });
    // A limit for a busy machine; nothing waits longer than it has to.
    context.setDefaultTimeout(20_000);
    await context.addInitScript(
      `addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI));
       addEventListener('pageshow', ({ persisted }) => persisted && console.debug('${RESTORED}'))`,
    );
    return new Visitor(shop, context, await context.newPage(), Boolean(options.locale?.startsWith('en')));
  }

  /** A second tab of the same browser. */
  async tab(): Promise<Visitor> {
    return new Visitor(this.shop, this.context, await this.context.newPage(), this.english, this.complaints);
  }

  private listenTo(page: Page): void {
    page.on('console', (message) => {
      // Chromium itself logs every 4xx and 5xx of a fetch. A page cannot prevent it.
      if (message.text().startsWith('Failed to load resource: the server responded')) return;
      if (message.text() === RESTORED) return;
      this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('response', (response) => {
      if (!response.url().includes('/image_codes/')) return;
      this.pictures.set(response.url(), response.headers()['x-image-code'] ?? '');
    });
  }

  /** A text of the pages or the API, or the beginning of one, in the visitor's language. */
  words(chinese: string): string {
    if (!this.english) return chinese;
    const whole = ENGLISH[chinese] ?? inEnglish(chinese);
    if (whole !== chinese) return whole;
    const [, begun = chinese] =
      Object.entries(ENGLISH).find(([sentence]) => sentence.startsWith(chinese)) ?? [];
    return begun.split(/\{\w+\}/)[0]!.trim();
  }

  /** Waits until this text is visible. */
  sees(chinese: string): Promise<void> {
    return this.page.getByText(this.words(chinese)).filter({ visible: true }).first().waitFor();
  }

  heading(chinese: string): Promise<void> {
    return this.page.getByRole('heading', { name: this.words(chinese), exact: true }).waitFor();
  }

  /** Follows a link. */
  follow(chinese: string): Promise<void> {
    return this.page.getByRole('link', { name: this.words(chinese), exact: true }).click();
  }

  /** Opens a folded part of the account page. */
  unfold(chinese: string): Promise<void> {
    return this.page
      .locator('summary')
      .filter({ hasText: this.words(chinese) })
      .click();
  }

  /** Presses "QQ登录" on the login page and logs in at QQ with this number. */
  async logInWithQq(qq: string, from = '/'): Promise<void> {
    await this.be(qq);
    await this.page.goto(this.shop.url + from);
    await this.page.getByRole('button', { name: this.words('QQ登录') }).click();
  }

  /** From now on QQ logs this browser in with this number, without asking. */
  async be(qq: string): Promise<void> {
    await this.page.unroute(/\/oauth2\.0\/authorize\?/);
    await this.page.route(/\/oauth2\.0\/authorize\?/, (route) => {
      const url = route.request().url();
      return url.includes('login_as=')
        ? route.continue()
        : route.fulfill({ status: 302, headers: { location: `${url}&login_as=${qq}` } });
    });
  }

  /** Goes to the bind form. */
  async reachBindForm(qq: string, from = '/?next=/user.html'): Promise<void> {
    await this.logInWithQq(qq, from);
    await this.heading('绑定账号');
  }

  /** Copies the visible picture, asks for an SMS, and reads the code on the phone. */
  async receiveCode(mobile: string): Promise<string> {
    await this.field('手机号').fill(mobile);
    await this.askForCode();
    await this.sees('已发送至');
    return latestCode(this.shop, mobile);
  }

  /** Has an SMS sent to the account's own mobile, reads it on the phone and types its code. */
  async receiveOwnCode(mobile: string): Promise<void> {
    await this.askForCode();
    await this.sees('已发送至账号绑定的手机');
    await this.field('短信验证码').fill(latestCode(this.shop, mobile));
  }

  /** Presses the button of the visible form that sends an SMS; where a picture is asked for, it is copied first. */
  async askForCode(): Promise<void> {
    if (!this.shop.app.config.HUMAN_CHECK.includes('altcha')) await this.copyPicture();
    await this.press('获取验证码');
  }

  /** The field with this label in the visible form. */
  field(label: string): Locator {
    return this.page.getByLabel(this.words(label), { exact: true }).filter({ visible: true });
  }

  press(name: string): Promise<void> {
    return this.page.getByRole('button', { name: this.words(name), exact: true }).click();
  }

  get unbindButton(): Locator {
    return this.page
      .getByRole('button', { name: new RegExp(`^${this.words('解绑')}`) })
      .filter({ visible: true });
  }

  async copyPicture(): Promise<void> {
    await this.field('图形验证码').fill(await this.readPicture());
  }

  /** The text of the visible picture, from its header for programs. */
  async readPicture(): Promise<string> {
    const picture = this.page.locator('img[src*="/image_codes/"]').filter({ visible: true });
    return this.textOf(await picture.evaluate((image) => (image as unknown as { src: string }).src));
  }

  private async textOf(src: string): Promise<string> {
    for (let tries = 0; tries < 100; tries += 1) {
      const text = this.pictures.get(src);
      if (text) return text;
      await this.page.waitForTimeout(30);
    }
    throw new Error('The picture did not come');
  }

  /** Fills in the bind form, but does not send it. */
  async fillBindForm({ mobile, password }: { mobile: string; password: string }): Promise<void> {
    const code = await this.receiveCode(mobile);
    await this.field('短信验证码').fill(code);
    await this.field('密码').fill(password);
  }

  async pressBind(): Promise<void> {
    await this.press('绑定并登录');
  }

  /** The message beside a field. */
  async noteOf(label: string): Promise<string> {
    const input = this.field(label);
    const id = await input.getAttribute('aria-describedby');
    return (await this.page.locator(`[id="${id}"]`).textContent()) ?? '';
  }

  /** Starts a login and returns the address at QQ, without opening it. */
  async begin(): Promise<URL> {
    const authorize = /\/oauth2\.0\/authorize\?/;
    const asked = this.page.waitForRequest(authorize);
    await this.page.route(authorize, (route) => route.fulfill({ status: 204 }));
    await this.page.goto(this.shop.url);
    await this.press('QQ登录');
    const url = new URL((await asked).url());
    await this.page.unroute(authorize);
    return url;
  }

  /** Goes back in the history and waits until the browser has taken the page out of its back/forward cache. */
  async goBack(): Promise<void> {
    const restored = this.context.waitForEvent('console', (message) => message.text() === RESTORED);
    await this.page.evaluate('setTimeout(() => history.back())');
    await restored;
  }

  /** Ignores a complaint that the test itself has caused. */
  forgive(pattern: RegExp): void {
    const rest = this.complaints.filter((complaint) => !pattern.test(complaint));
    this.complaints.splice(0, Infinity, ...rest);
  }

  kept(key: string): Promise<string | null> {
    return this.page.evaluate<string | null>(`localStorage.getItem(${JSON.stringify(key)})`);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
