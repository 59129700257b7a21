import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Shop, openShop } from './shop.js';
import { STORIES } from './states.js';
import { DESKTOP, PHONE, Visitor, launch } from './visitor.js';

interface Findings {
  readonly violations: readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[];
}

/** `npm run screenshots` runs the same stories and saves a picture of each state in every appearance. */
const SCREENSHOTS = Boolean(process.env.SCREENSHOTS);
const FOLDER = join(import.meta.dirname, '../../screenshots');
const LOOKS = [
  ['phone-light', PHONE.viewport, 'light'],
  ['desktop-dark', DESKTOP.viewport, 'dark'],
  ['phone-dark', PHONE.viewport, 'dark'],
  ['desktop-light', DESKTOP.viewport, 'light'],
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

it.each(Object.keys(STORIES))(
  '%s: no accessibility rule is broken, in light and dark mode',
  async (story) => {
    const visitor = await Visitor.come(shop, browser, {
      ...PHONE,
      reducedMotion: 'reduce',
      deviceScaleFactor: SCREENSHOTS ? 2 : 1,
    });
    const { page } = visitor;
    for await (const state of STORIES[story]!(visitor)) {
      for (const [look, viewport, colorScheme] of SCREENSHOTS ? LOOKS : LOOKS.slice(0, 2)) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        if (SCREENSHOTS)
          await page.screenshot({ path: join(FOLDER, `${state}-${look}.png`), fullPage: true });
        expect(await violations(visitor), `${state} on a ${look}`).toEqual([]);
      }
      expect(visitor.complaints, state).toEqual([]);
    }
    await visitor.leave();
  },
  180_000,
);

async function violations({ page }: Visitor): Promise<string[]> {
  // Injected by the debugger, to which the content security policy does not apply.
  if (await page.evaluate('!window.axe')) await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate<Findings>(
    `axe.run({ runOnly: ${JSON.stringify(TAGS)}, resultTypes: ['violations'] })`,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}
