import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, openShop } from './shop.js';
import { STATES } from './states.js';
import { DESKTOP, PHONE, Visitor, launch } from './visitor.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Findings {
  readonly violations: readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[];
}

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await openShop();
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await shop.close();
});

describe.each([
  ['phone, light', { ...PHONE, colorScheme: 'light' as const }],
  ['desktop, dark', { ...DESKTOP, colorScheme: 'dark' as const }],
])('on a %s', (_, options) => {
  it.each(Object.keys(STATES))('%s has nothing in anybody’s way', async (name) => {
    const visitor = await Visitor.come(shop, browser, { ...options, reducedMotion: 'reduce' });
    await STATES[name]!(visitor);

    // Through the debugger, which the content security policy does not concern.
    await visitor.page.evaluate(`${axe}; undefined`);
    const { violations } = await visitor.page.evaluate<Findings>(
      `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
    );

    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)).toEqual(
      [],
    );
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });
});
