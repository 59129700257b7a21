/** Shared by the pages: opening, showing one view at a time, passing a sentence to the next page. */

import { ApiError, storage } from './qq-login.js';
import { make, one } from './dom.js';
import { apology, onPress, say } from './form.js';
import { currentSettings, loadSettings } from './settings.js';
import { currentLanguage, openLanguage, switchLanguage, t, translate } from './words.js';

const FLASH = 'flash';
/** Milliseconds. A sentence that no page has shown by then is out of date, and dropped. */
const FLASH_MS = 60000;
const tab = storage('sessionStorage');

/** The path of a neighbouring page. The service may have a path prefix. @param {string} name */
export const beside = (name) => {
  const { pathname, search, hash } = new URL(name, document.baseURI);
  return pathname + search + hash;
};

/** The page to which a login returns that adds a QQ to the signed-in account. */
export const addingQq = () => beside('user.html?qq=added');

/**
 * Opens the page: loads language and settings, then runs its own work. Buttons are disabled until then.
 * @param {() => void} work wires the page
 */
export async function openPage(work) {
  try {
    await Promise.all([openLanguage(), loadSettings().catch(withoutSettings)]);
    translate(document);
    dress();
    work();
    document.documentElement.dataset.ready = '';
  } catch (error) {
    say(one(document, '[data-flash]'), apology(error), 'bad');
    one(document, '[data-flash]').hidden = false;
  }
}

/**
 * Without settings the pages use the picture, and no consent; the API asks for consent if it needs it.
 * @param {unknown} error
 */
function withoutSettings(error) {
  if (!(error instanceof ApiError)) throw error;
}

/** Brand, logo, language switch and footer. */
function dress() {
  const { brand, logo_url: logo, icp, support_url: support } = currentSettings();
  if (brand) one(document, '[data-brand]').textContent = t(brand);
  if (logo) one(document, '[data-logo]').src = logo;
  const footer = one(document, 'footer');
  const language = one(document, '[data-language]');
  const english = currentLanguage() === 'en';
  language.textContent = english ? '中文' : 'English';
  language.lang = english ? 'zh-CN' : 'en';
  onPress(language, one(document, '[data-flash]'), async () => {
    switchLanguage();
    return true;
  });
  if (support) footer.append(make('a', { href: support }, t('联系客服')));
  if (icp) footer.append(make('a', { href: 'https://beian.miit.gov.cn/', rel: 'noopener' }, icp));
}

/**
 * Shows one view of the page and hides the others. Its heading becomes the page's title and gets the focus, so that
 * a screen reader continues there.
 * @param {string} name
 * @param {{ focus?: boolean }} [options]
 */
export function show(name, { focus = true } = {}) {
  for (const view of document.querySelectorAll('[data-view]'))
    view.toggleAttribute('hidden', view.getAttribute('data-view') !== name);
  const heading = one(document, `[data-view="${name}"] h1`);
  entitle(heading.textContent);
  if (focus) heading.focus();
}

/** @param {string} title */
export function entitle(title) {
  document.title = `${title} · ${one(document, '[data-brand]').textContent}`;
}

/**
 * Stores a sentence for the next page.
 * @param {string} message
 * @param {'bad' | 'good'} [tone]
 */
export function leaveWord(message, tone = 'good') {
  tab.set(FLASH, JSON.stringify({ message, tone, at: Date.now() }));
}

/** Shows the sentence of the previous page, once. */
export function tellWord() {
  const left = /** @type {{ message: string, tone: 'bad' | 'good', at: number } | null} */ (tab.json(FLASH));
  tab.remove(FLASH);
  const flash = one(document, '[data-flash]');
  flash.hidden = !left || Date.now() - left.at > FLASH_MS;
  if (left) say(flash, left.message, left.tone);
}
