import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, openShop } from './shop.js';
import { DRESSED_STORIES, STORIES } from './states.js';
import { DESKTOP, PHONE, Visitor, launch } from './visitor.js';

interface Findings {
  readonly violations: readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[];
}

/** `npm run screenshots` runs the same stories and saves a picture of each state in every appearance. */
const SCREENSHOTS = Boolean(process.env.SCREENSHOTS);
const DRESSED = 'http://dressed.test';
const LANGUAGES = SCREENSHOTS ? ['zh-CN', 'en-GB'] : ['zh-CN'];
const FOLDER = join(import.meta.dirname, '../../screenshots');
const LOOKS = [
  ['phone-light', PHONE.viewport, 'light'],
  ['desktop-dark', DESKTOP.viewport, 'dark'],
  ['phone-dark', PHONE.viewport, 'dark'],
  ['desktop-light', DESKTOP.viewport, 'light'],
] as const;
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What can be pressed, but is smaller than a finger needs. A link in a text is as wide as its words. A box is pressed by its label too. */
const SMALL_TARGETS = `[...document.querySelectorAll('a[href], button, summary, input, select')]
  .filter((target) => target.offsetParent)
  .map((target) => {
    const rects = [target, ...(target.type === 'checkbox' ? target.labels : [])].map((part) => part.getBoundingClientRect());
    const width = Math.max(...rects.map((rect) => rect.right)) - Math.min(...rects.map((rect) => rect.left));
    const height = Math.max(...rects.map((rect) => rect.bottom)) - Math.min(...rects.map((rect) => rect.top));
    const inText = getComputedStyle(target).display === 'inline';
    return { text: target.textContent || target.name, width: inText ? 44 : Math.round(width), height: Math.round(height) };
  })
  .filter(({ width, height }) => width < 44 || height < 44)
  .map(({ text, width, height }) => text + ': ' + width + ' x ' + height)`;
/** What reaches beyond the window's edge, or wraps a word of a button. */
const OVERFLOWING = `document.documentElement.scrollWidth > innerWidth
  ? [...document.querySelectorAll('main *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth)
      .map((element) => element.outerHTML.slice(0, 120))
  : []`;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let shop: Shop;
let dressed: Shop;
let browser: Browser;

beforeAll(async () => {
  if (SCREENSHOTS) mkdirSync(FOLDER, { recursive: true });
  shop = await openShop();
  dressed = await openShop({
    beside: shop.app,
    env: {
      PUBLIC_URL: DRESSED,
      WEB_ORIGINS: DRESSED,
      QQ_REDIRECT_URI: `${DRESSED}/oauth_callback.html`,
      HUMAN_CHECK: 'altcha',
      HUMAN_CHECK_DIFFICULTY: '100',
      QQ_PROFILE: 'true',
      TERMS_VERSION: '2026-11',
      TERMS_URL: `${DRESSED}/terms.html`,
      PRIVACY_URL: `${DRESSED}/privacy.html`,
      BRAND_NAME: '远山百货',
      ICP_NUMBER: '京ICP备00000000号-1',
      SUPPORT_URL: `${DRESSED}/help`,
    },
  });
  browser = await launch(shop.hosts, `MAP dressed.test:80 ${new URL(dressed.app.url).host}`);
});

afterAll(async () => {
  await browser.close();
  await dressed.close();
  await shop.close();
});

describe.each(LANGUAGES)('in %s', (locale) => {
  it.each(Object.keys(STORIES).filter((story) => locale === 'zh-CN' || story !== 'the sandbox'))(
    '%s: no accessibility rule is broken, every target is 44 px, and text of 200 % fits',
    (story) => inspect(shop, locale, STORIES[story]!),
    180_000,
  );

  it.each(Object.keys(DRESSED_STORIES))(
    '%s: no accessibility rule is broken, every target is 44 px, and text of 200 % fits',
    (story) => inspect({ ...dressed, url: DRESSED }, locale, DRESSED_STORIES[story]!),
    180_000,
  );
});

/** Runs a story and checks each of its states. */
async function inspect(at: Shop, locale: string, story: (typeof STORIES)[string]): Promise<void> {
  const visitor = await Visitor.come(at, browser, {
    ...PHONE,
    locale,
    reducedMotion: 'reduce',
    deviceScaleFactor: SCREENSHOTS ? 2 : 1,
  });
  const { page } = visitor;
  for await (const state of story(visitor)) {
    for (const [look, viewport, colorScheme] of SCREENSHOTS ? LOOKS : LOOKS.slice(0, 2)) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      if (SCREENSHOTS)
        await page.screenshot({ path: join(FOLDER, `${state}-${look}-${locale}.png`), fullPage: true });
      expect(await violations(visitor), `${state} on a ${look}`).toEqual([]);
    }
    await page.setViewportSize(PHONE.viewport);
    if (page.url().startsWith(at.url)) {
      expect(await page.evaluate(SMALL_TARGETS), `${state}: targets under 44 px`).toEqual([]);
      await page.evaluate(`document.documentElement.style.fontSize = '200%'`);
      expect(await page.evaluate(OVERFLOWING), `${state}: wider than 360 px with text of 200 %`).toEqual([]);
      await page.evaluate(`document.documentElement.style.fontSize = ''`);
    }
    expect(visitor.complaints, state).toEqual([]);
  }
  await visitor.leave();
}

async function violations({ page }: Visitor): Promise<string[]> {
  // Injected by the debugger, to which the content security policy does not apply.
  if (await page.evaluate('!window.axe')) await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate<Findings>(
    `axe.run({ runOnly: ${JSON.stringify(TAGS)}, resultTypes: ['violations'] })`,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}
