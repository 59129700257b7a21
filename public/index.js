/** The login page: SMS, password, QQ, register, forgotten password. */

import { localPath, pendingBinding, startQqLogin } from './qq-login.js';
import {
  keepSignIn,
  keptSignIn,
  logIn,
  logInBySms,
  onSignInChange,
  register,
  resetPassword,
} from './account.js';
import { one } from './dom.js';
import { onPress, say, wireForm } from './form.js';
import { beside, leaveWord, openPage, show, tellWord } from './page.js';
import { currentSettings } from './settings.js';
import { SmsPart, forgetSent } from './sms.js';
import { t } from './words.js';

void openPage(() => {
  /** Where a login leads. `next` comes from the address bar, so it is checked. */
  const next = localPath(new URLSearchParams(location.search).get('next')) || beside('user.html');
  const { sms_login: smsLogin } = currentSettings();
  one(document, '[data-sms-login]').hidden = !smsLogin;

  for (const button of document.querySelectorAll('[data-qq]'))
    onPress(
      /** @type {HTMLElement} */ (button),
      one(button.parentElement || document, '[data-qq-note]'),
      async () => {
        await startQqLogin(next);
        return true;
      },
    );

  const smsForm = wireForm(one(document, '[data-form="sms"]'), {
    async send({ mobile = '', sms_code: smsCode = '', terms }) {
      return goOn(smsForm, await logInBySms({ mobile, smsCode, termsVersion: terms }));
    },
  });

  const loginForm = wireForm(one(document, '[data-form="login"]'), {
    async send({ username = '', password = '' }) {
      return goOn(loginForm, await logIn({ username, password }));
    },
  });

  const registerForm = wireForm(one(document, '[data-form="register"]'), {
    async send({ username = '', password = '', mobile = '', sms_code: smsCode = '', terms }) {
      return goOn(registerForm, await register({ username, password, mobile, smsCode, termsVersion: terms }));
    },
  });

  const forgottenForm = wireForm(one(document, '[data-form="forgotten"]'), {
    async send({ mobile = '', password = '', sms_code: smsCode = '' }) {
      const { message } = await resetPassword({ mobile, password, smsCode });
      forgottenForm.element.reset();
      leaveWord(message);
      if (pendingBinding()) {
        location.assign(beside('oauth_callback.html'));
        return true;
      }
      forgetSent();
      const username = loginForm.input('username');
      if (username) username.value = mobile;
      location.hash = '#password';
      tellWord();
      return false;
    },
  });
  one(document, '[data-back-to-bind]').hidden = !pendingBinding();

  /** @type {Map<string, SmsPart>} */
  const smsParts = new Map([
    ['sms', new SmsPart(smsForm)],
    ['register', new SmsPart(registerForm)],
    ['forgotten', new SmsPart(forgottenForm)],
  ]);

  addEventListener('hashchange', () => turn({ focus: true }));
  turn({ focus: false });
  tellWord();
  offerToContinue();
  onSignInChange(offerToContinue);

  /**
   * Shows the form that the address names, so that the back button works.
   * @param {{ focus: boolean }} options
   */
  function turn({ focus }) {
    const wanted = location.hash.slice(1);
    const usual = smsLogin ? 'sms' : 'password';
    const known = ['password', 'register', 'forgotten', usual].indexOf(wanted) >= 0;
    const view = known ? wanted : usual;
    show(view, { focus });
    const sms = smsParts.get(view);
    if (sms) sms.open();
  }

  /** Offers a visitor with a stored sign-in to continue. */
  function offerToContinue() {
    const kept = keptSignIn();
    one(document, '[data-username]').textContent = kept ? kept.username : '';
    one(document, '[data-go-on]').href = next;
    one(document, '[data-signed-in]').hidden = !kept;
  }

  /**
   * @param {import('./form.js').Form} form
   * @param {import('./account.js').SignIn} signIn
   */
  function goOn(form, signIn) {
    forgetSent();
    if (!keepSignIn(signIn)) {
      say(form.note, t('浏览器不允许本站保存登录状态。请关闭无痕模式，或换一个浏览器'));
      return false;
    }
    location.assign(next);
    return true;
  }
});
