/** The account page: who am I, which QQs, what happened, log out. */

import { ApiError, startQqLogin } from './qq-login.js';
import {
  changePassword,
  dropSignIn,
  keptSignIn,
  listBindings,
  listEvents,
  logOut,
  logOutEverywhere,
  unbindQq,
  whoAmI,
} from './account.js';
import { apology, onPress, one, required, say, wireForm } from './form.js';
import { ADDING_QQ, leaveWord, tellWord } from './page.js';

const EVENTS_AT_A_TIME = 10;

/** What the API calls it, and what a person calls it. @type {Record<string, string>} */
const WORDS = {
  registered: '注册账号',
  bound: '绑定QQ',
  unbound: '解绑QQ',
  logged_in: '登录',
  refused: '登录未成功',
  password_changed: '修改密码',
  signed_out_everywhere: '在所有设备上退出',
  qq: 'QQ',
  password: '密码',
  sms: '短信',
};

const pageNote = one(document, '[data-page-note]');
const bindings = one(document, '[data-bindings]');
const events = one(document, '[data-events]');
const more = one(document, '[data-more]');
/** @type {number | undefined} */
let lastEvent;

/** Answers of the API for a sign-in that has ended lead to the login page. @param {unknown} error */
function leaveIfSignedOut(error) {
  if (!(error instanceof ApiError) || error.errorCode !== 'LOGIN_REQUIRED') return false;
  dropSignIn();
  location.replace('/?next=/user.html');
  return true;
}

/**
 * A press that needs a sign-in.
 * @param {HTMLElement} button
 * @param {HTMLElement} note
 * @param {() => Promise<boolean | void>} work
 */
const onSignedInPress = (button, note, work) =>
  onPress(button, note, async () => {
    try {
      return await work();
    } catch (error) {
      if (leaveIfSignedOut(error)) return true;
      throw error;
    }
  });

onPress(one(document, '[data-log-out]'), pageNote, async () => {
  try {
    await logOut();
  } catch (error) {
    // The token had already ended; the browser has forgotten it either way.
    if (!(error instanceof ApiError) || error.errorCode !== 'LOGIN_REQUIRED') throw error;
  }
  leaveWord('已退出登录');
  location.assign('/');
  return true;
});

onSignedInPress(one(document, '[data-log-out-everywhere]'), one(document, '[data-out-note]'), async () => {
  await logOutEverywhere();
  leaveWord('已在所有设备上退出');
  location.assign('/');
  return true;
});

onPress(one(document, '[data-add-qq]'), one(document, '[data-qq-note]'), async () => {
  await startQqLogin(ADDING_QQ);
  return true;
});

onSignedInPress(more, one(document, '[data-events-note]'), showEvents);

const passwordForm = wireForm(one(document, '[data-form="password"]'), {
  refused: leaveIfSignedOut,
  async send({ old_password: oldPassword = '', new_password: newPassword = '' }) {
    await changePassword({ oldPassword, newPassword });
    passwordForm.element.reset();
    return carryOn('密码已修改');
  },
});

one(passwordForm.element, '[data-owner]').defaultValue = keptSignIn()?.username ?? '';
if (keptSignIn()) void open();
else location.replace('/?next=/user.html');

async function open() {
  // The callback page's word says that the QQ was added; the address need not say so for ever.
  history.replaceState(history.state, '', location.pathname);
  tellWord();
  try {
    await Promise.all([showAccount(), showBindings(), showEvents()]);
  } catch (error) {
    if (!leaveIfSignedOut(error)) say(pageNote, apology(error));
  }
}

/**
 * Some changes end every sign-in of the account; then this page says so and leaves for the login page.
 * @param {string} message
 */
async function carryOn(message) {
  try {
    await whoAmI();
  } catch (error) {
    if (!leaveIfSignedOut(error)) throw error;
    leaveWord(`${message}，请重新登录`);
    return true;
  }
  leaveWord(message);
  tellWord();
  lastEvent = undefined;
  await Promise.all([showBindings(), showEvents()]);
  return false;
}

async function showAccount() {
  const account = await whoAmI();
  const email = account.email && `${account.email}${account.email_active ? '' : '（未验证）'}`;
  const facts = { username: account.username, mobile: account.mobile, email: email || '未填写' };
  for (const [name, text] of Object.entries(facts)) one(document, `[data-fact="${name}"]`).textContent = text;
  one(document, '[data-who]').removeAttribute('aria-busy');
}

async function showBindings() {
  const list = await listBindings();
  bindings.replaceChildren(...list.map(bindingRow));
  bindings.removeAttribute('aria-busy');
  one(document, '[data-no-bindings]').hidden = list.length > 0;
}

/**
 * A moment as people say it: the year only when it is another one.
 * @param {string} at
 */
function spoken(at) {
  const date = new Date(at);
  const thisYear = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat('zh-CN', {
    ...(!thisYear && { year: 'numeric' }),
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(date);
}

/** @param {import('./account.js').Binding} binding */
function bindingRow({ id, bound_at: boundAt, last_login_at: lastLoginAt, openid_hint: hint }) {
  const row = copy('binding');
  const name = `QQ ${hint}`;
  one(row, '[data-what]').textContent = name;
  const last = lastLoginAt ? `，最近登录 ${spoken(lastLoginAt)}` : '';
  one(row, '[data-when]').textContent = `绑定于 ${spoken(boundAt)}${last}`;

  one(row, '[data-owner]').defaultValue = keptSignIn()?.username ?? '';
  const input = one(row, 'input[name="password"]');
  input.id = `unbind-${id}`;
  input.setAttribute('aria-describedby', `unbind-${id}-note`);
  one(row, 'label').htmlFor = input.id;
  one(row, '.note').id = `unbind-${id}-note`;
  const form = wireForm(one(row, 'form'), {
    rules: { password: required('请输入账号密码') },
    refused: leaveIfSignedOut,
    async send({ password = '' }) {
      await unbindQq(id, password);
      return carryOn('QQ已解绑');
    },
  });

  const toggle = one(row, '[data-unbind]');
  toggle.setAttribute('aria-label', `解绑 ${name}`);
  toggle.addEventListener('click', () => open(toggle.getAttribute('aria-expanded') !== 'true'));
  one(row, '[data-cancel]').addEventListener('click', () => open(false));
  return row;

  /** @param {boolean} opened */
  function open(opened) {
    form.element.hidden = !opened;
    form.element.reset();
    form.tell('password', '');
    toggle.setAttribute('aria-expanded', String(opened));
    (opened ? input : toggle).focus();
  }
}

async function showEvents() {
  const before = lastEvent;
  const list = await listEvents({ limit: EVENTS_AT_A_TIME, before });
  const rows = list.map(eventRow);
  if (before === undefined) events.replaceChildren(...rows);
  else events.append(...rows);
  events.removeAttribute('aria-busy');
  lastEvent = list[list.length - 1]?.id ?? before;
  more.hidden = list.length < EVENTS_AT_A_TIME;
  one(document, '[data-no-events]').hidden = events.children.length > 0;
}

/** @param {import('./account.js').AccountEvent} event */
function eventRow({ at, event, via, ip, user_agent: userAgent }) {
  const row = copy('event');
  one(row, '[data-what]').textContent = (WORDS[event] ?? event) + (via ? `（${WORDS[via] ?? via}）` : '');
  one(row, '[data-where]').textContent = [device(userAgent ?? ''), ip].filter(Boolean).join('，');
  const time = one(row, 'time');
  time.dateTime = at;
  time.textContent = spoken(at);
  return row;
}

/**
 * `Windows 上的 Chrome`, as far as a user agent tells.
 * @param {string} userAgent
 */
function device(userAgent) {
  /** @param {[RegExp, string][]} names */
  const first = (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = first([
    [/MicroMessenger/, '微信'],
    [/ QQ\//, 'QQ'],
    [/MQQBrowser/, 'QQ浏览器'],
    [/Edg/, 'Edge'],
    [/Firefox/, 'Firefox'],
    [/Chrome/, 'Chrome'],
    [/Safari/, 'Safari'],
  ]);
  const system = first([
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Windows/, 'Windows'],
    [/Mac OS/, 'macOS'],
    [/Linux/, 'Linux'],
  ]);
  return [system, browser].filter(Boolean).join(' 上的 ');
}

/** @param {string} id a template's @returns {HTMLElement} */
function copy(id) {
  return one(document, `#${id}`).content.firstElementChild.cloneNode(true);
}
