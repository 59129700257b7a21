/** The account page: who am I, which QQs, mobile, password, what happened, log out, close. */

import { ApiError, startQqLogin } from './qq-login.js';
import {
  changeMobile,
  changePassword,
  closeAccount,
  dropSignIn,
  keptSignIn,
  onSignInChange,
  listBindings,
  listEvents,
  logOut,
  logOutEverywhere,
  unbindQq,
  whoAmI,
} from './account.js';
import { one } from './dom.js';
import { nameOwner } from './fields.js';
import { apology, onPress, wireForm } from './form.js';
import { addingQq, beside, leaveWord, openPage, show, tellWord } from './page.js';
import { SmsPart, forgetSent } from './sms.js';
import { spoken, t } from './words.js';

const EVENTS_AT_A_TIME = 10;

/** The API's names of events and their texts. @type {Record<string, string>} */
const EVENTS = {
  registered: '注册账号',
  bound: '绑定QQ',
  unbound: '解绑QQ',
  logged_in: '登录',
  refused: '验证未通过',
  password_changed: '修改密码',
  mobile_changed: '更换手机号',
  signed_out_everywhere: '在所有设备上退出',
  closed: '注销账号',
  disabled: '客服停用账号',
  enabled: '客服恢复账号',
};
/** @type {Record<string, string>} */
const WAYS = { qq: 'QQ', password: '密码', sms: '短信' };

void openPage(() => {
  const pageNote = one(document, '[data-page-note]');
  const bindings = one(document, '[data-bindings]');
  const events = one(document, '[data-events]');
  const more = one(document, '[data-more]');
  /** @type {number | undefined} */
  let lastEvent;
  /** The login page, with this page as its next. */
  const loginPage = `${beside('./')}?next=${encodeURIComponent(beside('user.html'))}`;

  const kept = keptSignIn();
  if (!kept) {
    location.replace(loginPage);
    return;
  }
  // On a shared computer, the next person must not see an account that has been logged out.
  onSignInChange(() => {
    const now = keptSignIn();
    if (now && now.token === kept.token) return;
    if (now) return location.reload();
    leaveWord(t('已退出登录'));
    location.replace(loginPage);
  });

  onSignedInPress(one(document, '[data-log-out]'), pageNote, async () => {
    await logOut();
    return leave(t('已退出登录'));
  });

  onSignedInPress(one(document, '[data-log-out-everywhere]'), one(document, '[data-out-note]'), async () => {
    await logOutEverywhere();
    return leave(t('已在所有设备上退出'));
  });

  onPress(one(document, '[data-add-qq]'), one(document, '[data-qq-note]'), async () => {
    await startQqLogin(addingQq());
    return true;
  });

  onSignedInPress(more, one(document, '[data-events-note]'), showEvents);
  onSignedInPress(one(document, '[data-retry]'), one(document, '[data-retry-note]'), open);

  const passwordForm = wireForm(one(document, '[data-form="password"]'), {
    refused: leaveIfSignedOut,
    async send({ old_password: oldPassword = '', new_password: newPassword = '' }) {
      const { message } = await changePassword({ oldPassword, newPassword });
      passwordForm.element.reset();
      return carryOn(message);
    },
  });

  const mobileForm = wireForm(one(document, '[data-form="change"]'), {
    refused: leaveIfSignedOut,
    async send({ password, mobile = '', sms_code: smsCode = '' }) {
      const { message } = await changeMobile({ password, mobile, smsCode });
      forgetSent();
      mobileForm.element.reset();
      return carryOn(message);
    },
  });

  const closeForm = wireForm(one(document, '[data-form="close"]'), {
    refused: leaveIfSignedOut,
    async send({ password, sms_code: smsCode = '' }) {
      await closeAccount({ password, smsCode });
      forgetSent();
      return leave(t('账号已注销'));
    },
  });

  for (const [name, form] of Object.entries({ mobile: mobileForm, close: closeForm })) {
    const sms = new SmsPart(form);
    const details = one(document, `[data-details="${name}"]`);
    details.addEventListener('toggle', () => details.open && sms.open());
  }

  for (const form of [passwordForm, mobileForm, closeForm]) nameOwner(form.element, kept.username);
  // The callback page's sentence reports the added QQ, so the mark is removed from the address.
  history.replaceState(history.state, '', location.pathname);
  tellWord();
  void open();

  /** @returns {Promise<boolean>} whether the page is about to leave */
  async function open() {
    try {
      lastEvent = undefined;
      await showAccount();
      show('account', { focus: false });
      await Promise.all([showBindings(), showEvents()]);
      return false;
    } catch (error) {
      if (error instanceof ApiError && leaveIfSignedOut(error)) return true;
      one(document, '[data-problem]').textContent = apology(error);
      show('problem');
      return false;
    }
  }

  /** Leads to the login page if the API reports that the sign-in has ended. @param {ApiError} error */
  function leaveIfSignedOut(error) {
    if (error.errorCode !== 'LOGIN_REQUIRED') return false;
    dropSignIn();
    leaveWord(t('登录已过期，请重新登录'), 'bad');
    location.replace(loginPage);
    return true;
  }

  /** @param {string} message */
  function leave(message) {
    leaveWord(message);
    location.assign(beside('./'));
    return true;
  }

  /**
   * Runs `work` on a click, and leads to the login page if the sign-in has ended.
   * @param {HTMLElement} button
   * @param {HTMLElement} note
   * @param {() => Promise<boolean | void>} work
   */
  function onSignedInPress(button, note, work) {
    onPress(button, note, async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof ApiError && leaveIfSignedOut(error)) return true;
        throw error;
      }
    });
  }

  /**
   * Shows a success. If the change has ended every sign-in, leads to the login page with it.
   * @param {string} message
   */
  async function carryOn(message) {
    try {
      await whoAmI();
    } catch (error) {
      if (!(error instanceof ApiError) || !leaveIfSignedOut(error)) throw error;
      leaveWord(/请重新登录|log in again/i.test(message) ? message : t('{message}，请重新登录', { message }));
      return true;
    }
    leaveWord(message);
    tellWord();
    await open();
    return false;
  }

  async function showAccount() {
    const account = await whoAmI();
    const email = account.email && account.email + (account.email_active ? '' : t('（未验证）'));
    const facts = { username: account.username, mobile: account.mobile, email: email || t('未填写') };
    for (const [name, text] of Object.entries(facts))
      one(document, `[data-fact="${name}"]`).textContent = text;
    one(document, '[data-facts]').removeAttribute('aria-busy');
  }

  async function showBindings() {
    const list = await listBindings();
    bindings.textContent = '';
    bindings.append(...list.map(bindingRow));
    bindings.removeAttribute('aria-busy');
    one(document, '[data-no-bindings]').hidden = list.length > 0;
  }

  /** @param {import('./account.js').Binding} binding */
  function bindingRow({ id, bound_at: boundAt, last_login_at: lastLoginAt, nickname }) {
    const row = copy('binding');
    const since = spoken(boundAt, true);
    const name = nickname || t('QQ（绑定于 {date}）', { date: since });
    one(row, '[data-what]').textContent = name;
    one(row, '[data-when]').textContent = [
      nickname ? t('绑定于 {date}', { date: spoken(boundAt) }) : '',
      lastLoginAt ? t('最近登录 {date}', { date: spoken(lastLoginAt) }) : t('绑定后还没有用它登录过'),
    ]
      .filter(Boolean)
      .join(' · ');

    const element = one(row, 'form');
    element.dataset.form = `unbind-${id}`;
    const form = wireForm(element, {
      refused: leaveIfSignedOut,
      async send({ password = '' }) {
        await unbindQq(id, password);
        return carryOn(t('QQ已解绑'));
      },
    });
    const signIn = keptSignIn();
    nameOwner(element, signIn ? signIn.username : '');

    const toggle = one(row, '[data-unbind]');
    toggle.setAttribute('aria-label', t('解绑 {name}', { name }));
    toggle.addEventListener('click', () => unfold(toggle.getAttribute('aria-expanded') !== 'true'));
    one(row, '[data-cancel]').addEventListener('click', () => unfold(false));
    return row;

    /** @param {boolean} opened */
    function unfold(opened) {
      element.hidden = !opened;
      element.reset();
      form.tell('password', '');
      toggle.setAttribute('aria-expanded', String(opened));
      (opened ? one(element, 'input[name="password"]') : toggle).focus();
    }
  }

  async function showEvents() {
    const before = lastEvent;
    const list = await listEvents({ limit: EVENTS_AT_A_TIME, before });
    if (before === undefined) events.textContent = '';
    events.append(...list.map(eventRow));
    events.removeAttribute('aria-busy');
    const last = list[list.length - 1];
    lastEvent = last ? last.id : before;
    more.hidden = list.length < EVENTS_AT_A_TIME;
    one(document, '[data-no-events]').hidden = events.children.length > 0;
  }
});

/** @param {import('./account.js').AccountEvent} event */
function eventRow({ at, event, via, ip, user_agent: userAgent }) {
  const row = copy('event');
  const way = via ? t('（{way}）', { way: t(WAYS[via] || via) }) : '';
  one(row, '[data-what]').textContent = t(EVENTS[event] || event) + way;
  one(row, '[data-where]').textContent = [device(userAgent || ''), ip].filter(Boolean).join(t('，'));
  const time = one(row, 'time');
  time.dateTime = at;
  time.textContent = spoken(at);
  return row;
}

/**
 * `Windows 上的 Chrome`, as far as the user agent reveals.
 * @param {string} userAgent
 */
function device(userAgent) {
  /** @param {[RegExp, string][]} names */
  const first = (names) => {
    const found = names.find(([pattern]) => pattern.test(userAgent));
    return found ? found[1] : '';
  };
  const browser = first([
    [/MicroMessenger/, t('微信')],
    [/ QQ\//, 'QQ'],
    [/MQQBrowser/, t('QQ浏览器')],
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
  return system && browser ? t('{system} 上的 {browser}', { system, browser }) : system || browser;
}

/** @param {string} id a template's @returns {HTMLElement} */
function copy(id) {
  return one(document, `#${id}`).content.firstElementChild.cloneNode(true);
}
