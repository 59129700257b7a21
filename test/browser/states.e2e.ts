import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HtmlValidate } from 'html-validate';
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
const LANGUAGES = ['zh-CN', 'en-GB'];
const FOLDER = join(import.meta.dirname, '../../screenshots');
const LOOKS = [
  ['phone-light', PHONE.viewport, 'light'],
  ['desktop-dark', DESKTOP.viewport, 'dark'],
  ['desktop-light', DESKTOP.viewport, 'light'],
  ['phone-dark', PHONE.viewport, 'dark'],
] as const;
const SMALLEST = { width: 320, height: 640 };
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What can be pressed, but is smaller than a finger needs. A link in a text is as wide as its words. A box is pressed by its label too. */
const SMALL_TARGETS = `[...document.querySelectorAll('a[href], button, summary, input, select')]
  .filter((target) => target.offsetParent)
  .map((target) => {
    const rects = [target, ...(target.type === 'checkbox' || target.type === 'radio' ? target.labels : [])].map((part) => part.getBoundingClientRect());
    const width = Math.max(...rects.map((rect) => rect.right)) - Math.min(...rects.map((rect) => rect.left));
    const height = Math.max(...rects.map((rect) => rect.bottom)) - Math.min(...rects.map((rect) => rect.top));
    const inText = getComputedStyle(target).display === 'inline';
    return { text: target.textContent || target.name, width: inText ? 44 : Math.round(width), height: Math.round(height) };
  })
  .filter(({ width, height }) => width < 44 || height < 44)
  .map(({ text, width, height }) => text + ': ' + width + ' x ' + height)`;
/**
 * What does not fit: what reaches beyond the window's edge, a column of text so narrow that it is cut into more than
 * four lines of less than five characters, and a code that its field cannot show as a whole.
 */
const UNFIT = `[
  ...[...document.querySelectorAll('body *')]
    .filter((element) => element.offsetParent && !element.closest('.scroll, pre') && element.getBoundingClientRect().right > innerWidth)
    .map((element) => 'too wide: ' + element.outerHTML.slice(0, 120)),
  ...[...document.querySelectorAll('body *')]
    .filter((element) => element.offsetParent && [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim()))
    .filter((element) => {
      const { fontSize } = getComputedStyle(element);
      const { width, height } = element.getBoundingClientRect();
      return width < 5 * parseFloat(fontSize) && height > 4 * 1.7 * parseFloat(fontSize);
    })
    .map((element) => 'squeezed: ' + element.outerHTML.slice(0, 120)),
  ...[...document.querySelectorAll('input[name$="_code"]')]
    .filter((input) => input.offsetParent && input.scrollWidth > input.clientWidth)
    .map((input) => 'cut: ' + input.name + ' ' + input.value),
]`;

/**
 * Without the rules on how source code is written, because a browser writes the document anew. The content security
 * policy refuses inline styles; the style that changes the text's size comes from the test.
 */
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: {
    'attribute-boolean-style': 'off',
    'attribute-empty-style': 'off',
    'doctype-style': 'off',
    'no-inline-style': 'off',
    'no-trailing-whitespace': 'off',
    'void-style': 'off',
  },
});
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
    '%s: every state is accessible, fits, and leaves the console silent',
    (story) => inspect(shop, locale, STORIES[story]!),
    180_000,
  );

  it.each(Object.keys(DRESSED_STORIES))(
    '%s: every state is accessible, fits, and leaves the console silent',
    (story) => inspect({ ...dressed, url: DRESSED }, locale, DRESSED_STORIES[story]!),
    180_000,
  );
});

/**
 * Runs a story and checks each of its states: on a phone and a desktop, in light and in dark mode, on the smallest
 * phone, and with text of 200 %. The open page changes its appearance, because reaching a state takes longer.
 */
async function inspect(at: Shop, locale: string, story: (typeof STORIES)[string]): Promise<void> {
  const visitor = await Visitor.come(at, browser, {
    ...PHONE,
    locale,
    reducedMotion: 'reduce',
    deviceScaleFactor: SCREENSHOTS ? 2 : 1,
  });
  const { page } = visitor;
  for await (const state of story(visitor)) {
    const picture = async (look: string) => {
      if (SCREENSHOTS)
        await page.screenshot({ path: join(FOLDER, `${state}-${look}-${locale}.png`), fullPage: true });
    };
    // The colours of a state are the same in both languages.
    const looks = SCREENSHOTS || locale === 'zh-CN' ? LOOKS : LOOKS.slice(0, 2);
    for (const [index, [look, viewport, colorScheme]] of looks.entries()) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await picture(look);
      // The first two looks differ in width and colours. What the other two can add is a contrast.
      const rules = index < 2 ? TAGS : ['color-contrast'];
      expect.soft(await violations(visitor, rules), `${state} on a ${look}`).toEqual([]);
      expect.soft(await page.evaluate(UNFIT), `${state} on a ${look}`).toEqual([]);
    }
    await page.setViewportSize(PHONE.viewport);
    expect.soft(await page.evaluate(SMALL_TARGETS), `${state}: targets under 44 px`).toEqual([]);
    await page.evaluate(`document.documentElement.style.fontSize = '200%'`);
    await picture('large-text');
    expect.soft(await page.evaluate(UNFIT), `${state}: on 360 px with text of 200 %`).toEqual([]);
    await page.evaluate(`document.documentElement.style.fontSize = ''`);
    await page.setViewportSize(SMALLEST);
    await picture('small');
    expect.soft(await page.evaluate(UNFIT), `${state}: on ${SMALLEST.width} px`).toEqual([]);
    await page.setViewportSize(PHONE.viewport);
    expect.soft(await invalidMarkup(visitor), state).toEqual([]);
    expect(visitor.complaints, state).toEqual([]);
  }
  await visitor.leave();
}

/** What html-validate finds in the document as the modules have built it. */
async function invalidMarkup({ page }: Visitor): Promise<string[]> {
  const { results } = await validator.validateString(await page.content());
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, selector }) => `${ruleId}: ${message} ${selector}`),
  );
}

/** @param rules axe's tags, or its rules' ids */
async function violations({ page }: Visitor, rules: readonly string[]): Promise<string[]> {
  // Injected by the debugger, to which the content security policy does not apply.
  if (await page.evaluate('!window.axe')) await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate<Findings>(
    `axe.run({ runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'] })`,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}
