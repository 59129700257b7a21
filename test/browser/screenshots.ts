/** `npm run screenshots`: every page and state, light and dark, phone and desktop, into `screenshots/`. */

import { mkdirSync } from 'node:fs';
import { openShop } from './shop.js';
import { STATES } from './states.js';
import { DESKTOP, PHONE, Visitor, launch } from './visitor.js';

const FOLDER = process.env.SCREENSHOTS ?? 'screenshots';

mkdirSync(FOLDER, { recursive: true });
const shop = await openShop();
const browser = await launch();
const only = process.env.ONLY;
for (const [device, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [name, reach] of Object.entries(STATES)) {
      if (only && !name.includes(only)) continue;
      const visitor = await Visitor.come(shop, browser, { ...options, colorScheme, deviceScaleFactor: 2 });
      await reach(visitor);
      await visitor.page.screenshot({
        path: `${FOLDER}/${name}-${device}-${colorScheme}.png`,
        fullPage: true,
      });
      await visitor.leave();
    }
  }
}
await browser.close();
await shop.close();
