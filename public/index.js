/** The login page: QQ, password, register, forgotten password. */

import { localPath, startQqLogin } from './qq-login.js';
import { keepSignIn, keptSignIn, logIn, register, resetPassword } from './account.js';
import { onPress, one, required, wireForm } from './form.js';
import { leaveWord, show, tellWord } from './page.js';
import { SmsPart, forgetSent } from './sms.js';

/** Where a login goes when nobody asked for a page: `next` comes from the address bar and may say anything. */
const next = localPath(new URLSearchParams(location.search).get('next')) ?? '/user.html';

onPress(one(document, '[data-qq]'), one(document, '[data-qq-note]'), async () => {
  await startQqLogin(next);
  return true;
});

wireForm(one(document, '[data-form="login"]'), {
  rules: {
    username: { tidy: (value) => value.trim(), fault: required('请输入用户名或手机号').fault },
    password: required('请输入密码'),
  },
  async send({ username = '', password = '' }) {
    return goOn(await logIn({ username, password }));
  },
});

const registerForm = wireForm(one(document, '[data-form="register"]'), {
  unsent: ['image_code'],
  async send({ username = '', password = '', mobile = '', sms_code: smsCode = '' }) {
    return goOn(await register({ username, password, mobile, smsCode }));
  },
});

const forgottenForm = wireForm(one(document, '[data-form="forgotten"]'), {
  unsent: ['image_code'],
  async send({ mobile = '', password = '', sms_code: smsCode = '' }) {
    const { message } = await resetPassword({ mobile, password, smsCode });
    forgetSent();
    leaveWord(message);
    tellWord();
    location.hash = '#login';
  },
});

/** @type {Record<string, SmsPart | undefined>} */
const smsParts = { register: new SmsPart(registerForm), forgotten: new SmsPart(forgottenForm) };

addEventListener('hashchange', () => turn({ focus: true }));
turn({ focus: false });
tellWord();

const kept = keptSignIn();
if (kept) {
  one(document, '[data-username]').textContent = kept.username;
  one(document, '[data-signed-in]').hidden = false;
}

/**
 * The address says which of the three forms is up, so that the back button works.
 * @param {{ focus: boolean }} options
 */
function turn({ focus }) {
  const wanted = location.hash.slice(1);
  const view = wanted in smsParts ? wanted : 'login';
  show(view, { focus });
  smsParts[view]?.open();
}

/** @param {import('./account.js').SignIn} signIn */
function goOn(signIn) {
  keepSignIn(signIn);
  forgetSent();
  location.assign(next);
  return true;
}
