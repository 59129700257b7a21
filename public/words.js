/**
 * The pages' language. HTML and modules contain the Chinese sentences. `words-en.js` has their English translations
 * and is loaded only for English.
 */

import { configure, storage } from './qq-login.js';

const KEY = 'language';
const kept = storage('localStorage');

/** @type {Record<string, string>} */
let english = {};
const language = preferred();
// Set at once: the first call to the API may be sent before the translations are loaded.
configure({ language });

/** The language that the visitor chose, otherwise the one that the browser prefers. @returns {'zh-CN' | 'en'} */
function preferred() {
  const chosen = kept.get(KEY);
  if (chosen === 'en' || chosen === 'zh-CN') return chosen;
  const first = [...(navigator.languages || [navigator.language])].find((tag) => /^(zh|en)\b/i.test(tag));
  return first && /^en/i.test(first) ? 'en' : 'zh-CN';
}

/** Loads the translations, before anything is shown. */
export async function openLanguage() {
  document.documentElement.lang = language;
  if (language === 'en') english = (await import('./words-en.js')).ENGLISH;
}

/**
 * Stores the other language and reloads the page in it.
 */
export function switchLanguage() {
  kept.set(KEY, language === 'en' ? 'zh-CN' : 'en');
  location.reload();
}

/** @returns {'zh-CN' | 'en'} */
export const currentLanguage = () => language;

/**
 * A sentence in the visitor's language.
 * @param {string} chinese with `{names}` as placeholders for values
 * @param {Record<string, string | number>} [values]
 */
export function t(chinese, values = {}) {
  const sentence = language === 'en' ? english[chinese] || chinese : chinese;
  return sentence.replace(/\{(\w+)\}/g, (_all, name) => String(values[name]));
}

/**
 * Translates the page's markup: texts, and attributes that screen readers read.
 * @param {Document | DocumentFragment | Element} root
 */
export function translate(root) {
  if (language !== 'en') return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Element) translateAttributes(node);
    else if (node.nodeValue) node.nodeValue = translated(node.nodeValue);
  }
}

/** @param {Element} element */
function translateAttributes(element) {
  for (const name of ['aria-label', 'alt', 'title', 'data-busy', 'data-label']) {
    const text = element.getAttribute(name);
    if (text) element.setAttribute(name, translated(text));
  }
  if (element instanceof HTMLTemplateElement) translate(element.content);
}

/** @param {string} text with the markup's own white space around it */
function translated(text) {
  const chinese = text.replace(/\s+/g, ' ').trim();
  return chinese ? text.replace(text.trim(), t(chinese)) : text;
}

/**
 * `105` → `1分45秒`.
 * @param {number} seconds
 */
export function spell(seconds) {
  if (seconds < 100) return t('{n}秒', { n: seconds });
  if (seconds < 600 && seconds % 60 !== 0)
    return t('{m}分{n}秒', { m: Math.floor(seconds / 60), n: seconds % 60 });
  if (seconds < 3600) return t('{m}分钟', { m: Math.ceil(seconds / 60) });
  return t('{h}小时', { h: Math.ceil(seconds / 3600) });
}

/**
 * A date and time for people, with the year only if it is not the present one.
 * @param {string} at
 * @param {boolean} [dayOnly]
 */
export function spoken(at, dayOnly = false) {
  const date = new Date(at);
  const thisYear = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(language, {
    ...(!thisYear && { year: 'numeric' }),
    month: 'short',
    day: 'numeric',
    ...(!dayOnly && { hour: '2-digit', minute: '2-digit', hour12: false }),
  }).format(date);
}
