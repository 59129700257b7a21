/** What the pages have in common: one view at a time, and a word carried to the next page. */

import { one, say } from './form.js';

const FLASH = 'flash';

/** Where a login that adds a QQ to the signed-in account comes back to. */
export const ADDING_QQ = '/user.html?qq=added';

/**
 * Shows one view of the page and hides the others; its heading takes the focus, so that a screen reader reads on
 * from there.
 * @param {string} name
 * @param {{ focus?: boolean }} [options]
 */
export function show(name, { focus = true } = {}) {
  for (const view of document.querySelectorAll('[data-view]'))
    view.toggleAttribute('hidden', view.getAttribute('data-view') !== name);
  if (focus) one(document, `[data-view="${name}"] h1`).focus();
}

/**
 * A sentence for the page that comes next.
 * @param {string} message
 */
export function leaveWord(message) {
  sessionStorage.setItem(FLASH, message);
}

/** Says the sentence that the last page left, once. */
export function tellWord() {
  const message = sessionStorage.getItem(FLASH);
  sessionStorage.removeItem(FLASH);
  const flash = one(document, '[data-flash]');
  flash.hidden = !message;
  if (message) say(flash, message, 'good');
}
