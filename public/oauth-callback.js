/** The page to which QQ returns: it signs the shopper in, or shows the bind form. */

import { ApiError, addQq, bindQq, finishQqLogin, startQqLogin } from './qq-login.js';
import { dropSignIn, keepSignIn, keptSignIn, listEvents } from './account.js';
import { make, one } from './dom.js';
import { nameOwner } from './fields.js';
import { apology, onPress, waitOn, wireForm } from './form.js';
import { addingQq, leaveWord, openPage, show, tellWord } from './page.js';
import { SmsPart, forgetSent } from './sms.js';
import { t } from './words.js';

/** After these errors the form cannot succeed: a new QQ login is needed. */
const START_AGAIN = ['BIND_TOKEN_INVALID', 'QQ_ALREADY_BOUND', 'QQ_CONFLICT'];

// Started first, because the answer takes the most time.
const finished = finishQqLogin();
// Handled below, once the page is open; until then it must not count as unhandled.
finished.catch(() => undefined);

void openPage(() => {
  /** @type {import('./qq-login.js').NeedsBinding | undefined} */
  let binding;

  const restart = one(document, '[data-restart]');
  const restartNote = one(document, '[data-restart-note]');
  const otherWay = one(document, '[data-other-way]');
  const again = async () => {
    await startQqLogin();
    return true;
  };
  onPress(restart, restartNote, again);

  const bindForm = wireForm(one(document, '[data-form="bind"]'), {
    refused: (error) => refused(error) || knownMobile(error),
    async send({ mobile = '', password = '', sms_code: smsCode = '', terms }) {
      const signIn = await bindQq({ mobile, password, smsCode, termsVersion: terms, binding });
      keepOrSay(signIn);
      const message = await boundTo(signIn);
      leaveWord(message);
      return leaveFor(signIn.next, message);
    },
  });
  const bindSms = new SmsPart(bindForm);

  const addForm = wireForm(one(document, '[data-form="add"]'), {
    refused(error) {
      if (error.errorCode !== 'LOGIN_REQUIRED') return refused(error);
      // The sign-in has ended meanwhile. The full form can still bind.
      dropSignIn();
      showBindForm();
      return true;
    },
    async send({ password, sms_code: smsCode = '' }) {
      const kept = keptSignIn();
      const { next } = await addQq({ token: kept ? kept.token : '', password, smsCode, binding });
      forgetSent();
      const message = t('QQ已绑定，以后可以用它登录');
      leaveWord(message);
      return leaveFor(next, message);
    },
  });
  const addSms = new SmsPart(addForm);
  const otherAccount = one(document, '[data-other-account]');
  otherAccount.disabled = false;
  otherAccount.addEventListener('click', showBindForm);
  for (const view of ['bind', 'add']) {
    const section = one(document, `[data-view="${view}"]`);
    onPress(one(section, '[data-other-qq]'), one(section, '[data-form-note]'), again);
  }

  finished.then(arrive).catch(problem);

  /** @param {import('./qq-login.js').SignedIn | import('./qq-login.js').NeedsBinding} result */
  function arrive(result) {
    const kept = keptSignIn();
    if (result.status === 'needs-binding') {
      binding = result;
      introduce(result);
      return kept ? showAddForm(kept) : showBindForm();
    }
    // A shopper who adds a QQ to this account must not silently be signed in to another one.
    if (result.next === addingQq() && kept && kept.userId !== result.userId) return offerSwitch(result);
    goOn(result);
  }

  /** Shows which QQ it is. @param {import('./qq-login.js').NeedsBinding} binding */
  function introduce({ nickname, avatar }) {
    if (!nickname) return;
    for (const who of document.querySelectorAll('[data-who]')) {
      one(who, '[data-nickname]').textContent = nickname;
      if (avatar) {
        const picture = make('img', { src: avatar, alt: '', width: '40', height: '40' });
        picture.addEventListener('error', () => picture.remove());
        who.insertBefore(picture, who.firstChild);
      }
      /** @type {HTMLElement} */ (who).hidden = false;
    }
  }

  function showBindForm() {
    show('bind');
    bindSms.open();
    tellWord();
  }

  /** @param {import('./account.js').SignIn} kept */
  function showAddForm(kept) {
    for (const name of document.querySelectorAll('[data-view="add"] [data-username]'))
      name.textContent = kept.username;
    nameOwner(addForm.element, kept.username);
    show('add');
    addSms.open();
  }

  /** @param {import('./qq-login.js').SignedIn} other */
  function offerSwitch(other) {
    one(document, '[data-other-username]').textContent = other.username;
    const button = one(document, '[data-switch]');
    button.disabled = false;
    button.addEventListener('click', () => goOn({ ...other, next: addingQq().replace(/\?.*/, '') }));
    show('switch');
  }

  /** @param {import('./qq-login.js').SignedIn} signIn */
  function goOn(signIn) {
    keepOrSay(signIn);
    return leaveFor(signIn.next, t('已登录账号 {username}', { username: signIn.username }));
  }

  /** @param {import('./qq-login.js').SignedIn} signIn */
  function keepOrSay(signIn) {
    forgetSent();
    if (!keepSignIn(signIn))
      throw new ApiError(
        'STORAGE_REFUSED',
        t('浏览器不允许本站保存登录状态。请关闭无痕模式，或换一个浏览器'),
      );
  }

  /**
   * Says whether the bind created the account or found it, by the account's events. If the events cannot be loaded, the
   * sentence does not say which.
   * @param {import('./qq-login.js').SignedIn} signIn
   */
  async function boundTo({ username }) {
    const events = await listEvents({ limit: 5 }).catch(() => []);
    const bound = events.findIndex(({ event }) => event === 'bound');
    const before = events[bound + 1];
    if (bound < 0) return t('QQ已绑定到账号 {username}，以后可以直接用QQ登录', { username });
    return before && before.event === 'registered' && before.via === 'qq'
      ? t('已创建新账号 {username} 并绑定QQ，以后可以直接用QQ登录', { username })
      : t('QQ已绑定到你原有的账号 {username}，以后可以直接用QQ登录', { username });
  }

  /**
   * Replaces the callback page in the history, so that going back does not lead here.
   * @param {string} next
   * @param {string} message
   * @returns {true}
   */
  function leaveFor(next, message) {
    one(document, '[data-next]').setAttribute('href', next);
    one(document, '[data-done]').textContent = message;
    show('done');
    location.replace(next);
    return true;
  }

  /** @param {ApiError} error */
  function refused(error) {
    const tokenUnfit = error.errorCode === 'REQUEST_INVALID' && 'access_token' in error.fields;
    if (START_AGAIN.indexOf(error.errorCode) < 0 && !tokenUnfit) return false;
    problem(
      error.errorCode === 'BIND_TOKEN_INVALID' || tokenUnfit
        ? new ApiError('BIND_TOKEN_INVALID', t('QQ登录已过期，请重新使用QQ登录'))
        : error,
    );
    return true;
  }

  /** After a wrong password, offers to set a new one and to come back. @param {ApiError} error */
  function knownMobile(error) {
    if (error.errorCode !== 'PASSWORD_INVALID' || !bindForm.tellFields(error)) return false;
    const input = /** @type {HTMLInputElement} */ (bindForm.input('password'));
    bindForm.tell('password', t('密码错误：这个手机号已有账号，请输入它的密码。'));
    bindForm.noteOf(input).append(make('a', { href: './#forgotten' }, t('忘记密码')));
    return true;
  }

  /** @param {unknown} error */
  function problem(error) {
    one(document, '[data-problem]').textContent = helpful(error);
    if (keptSignIn()) {
      otherWay.textContent = t('返回当前账号');
      otherWay.href = './user.html';
    }
    show('problem');
    if (error instanceof ApiError && error.retryAfter) waitOn(restart, restartNote, error.retryAfter);
  }
});

/** Without its cookie, every login ends in this error: the sentence also says what to change. @param {unknown} error */
function helpful(error) {
  return error instanceof ApiError && error.errorCode === 'STATE_INVALID'
    ? t('登录状态已失效，请重新使用QQ登录。如果总是这样，请允许本站的Cookie，并在同一个浏览器里完成登录')
    : apology(error);
}
