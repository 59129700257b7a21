import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, openShop } from './shop.js';
import { STATES } from './states.js';
import { DESKTOP, PHONE, Visitor, launch } from './visitor.js';

interface Findings {
  readonly violations: readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[];
}

/** `SCREENSHOTS=1` (`npm run screenshots`) goes through the same states, in every look, and takes a picture of each. */
const SCREENSHOTS = Boolean(process.env.SCREENSHOTS);
const FOLDER = join(import.meta.dirname, '../../screenshots');
const LOOKS = [
  ['phone-light', { ...PHONE, colorScheme: 'light' }],
  ['desktop-dark', { ...DESKTOP, colorScheme: 'dark' }],
  ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
  ['desktop-light', { ...DESKTOP, colorScheme: 'light' }],
] as const;
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  if (SCREENSHOTS) mkdirSync(FOLDER, { recursive: true });
  shop = await openShop();
  browser = await launch(shop.hosts);
});

afterAll(async () => {
  await browser.close();
  await shop.close();
});

describe.each(SCREENSHOTS ? LOOKS : LOOKS.slice(0, 2))('on a %s', (look, options) => {
  it.each(Object.keys(STATES))('%s is in nobody’s way', async (name) => {
    const visitor = await Visitor.come(shop, browser, {
      ...options,
      reducedMotion: 'reduce',
      deviceScaleFactor: 2,
    });
    await STATES[name]!(visitor);
    const { page } = visitor;
    if (SCREENSHOTS) await page.screenshot({ path: join(FOLDER, `${name}-${look}.png`), fullPage: true });

    // Through the debugger, which the content security policy does not concern.
    await page.evaluate(`${axe}; undefined`);
    const { violations } = await page.evaluate<Findings>(`axe.run({ runOnly: ${JSON.stringify(TAGS)} })`);

    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)).toEqual(
      [],
    );
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });
});
