/** Where QQ sends the person back to: signed in at once, or one form away from it. */

import { ApiError, addQq, bindQq, finishQqLogin, startQqLogin } from './qq-login.js';
import { dropSignIn, keepSignIn, keptSignIn } from './account.js';
import { apology, onPress, one, setOff, wireForm } from './form.js';
import { ADDING_QQ, leaveWord, show } from './page.js';
import { SmsPart, forgetSent } from './sms.js';

/** With these the form is of no more use: log in to QQ again. */
const START_AGAIN = ['BIND_TOKEN_INVALID', 'QQ_ALREADY_BOUND', 'QQ_CONFLICT'];

/** @type {import('./qq-login.js').NeedsBinding | undefined} */
let binding;

const restart = one(document, '[data-restart]');
const restartNote = one(document, '[data-restart-note]');
onPress(restart, restartNote, async () => {
  await startQqLogin();
  return true;
});

const bindForm = wireForm(one(document, '[data-form="bind"]'), {
  unsent: ['image_code'],
  refused,
  async send(values) {
    const { mobile = '', password = '', sms_code: smsCode = '' } = values;
    return goOn(await bindQq({ mobile, password, smsCode, binding }));
  },
});
const sms = new SmsPart(bindForm);

wireForm(one(document, '[data-form="add"]'), {
  refused(error) {
    if (error.errorCode !== 'LOGIN_REQUIRED') return refused(error);
    // The sign-in has ended meanwhile; the whole form still binds.
    dropSignIn();
    showBindForm();
    return true;
  },
  async send({ password = '' }) {
    const { next } = await addQq({ token: keptSignIn()?.token ?? '', password, binding });
    leaveWord('QQ已绑定，以后可以用它登录');
    return leaveFor(next);
  },
});
one(document, '[data-other-account]').addEventListener('click', showBindForm);

finishQqLogin().then(arrive, problem);

/** @param {import('./qq-login.js').SignedIn | import('./qq-login.js').NeedsBinding} result */
function arrive(result) {
  const kept = keptSignIn();
  if (result.status === 'needs-binding') {
    binding = result;
    if (!kept) return showBindForm();
    one(document, '[data-username]').textContent = kept.username;
    one(document, '[data-owner]').defaultValue = kept.username;
    return show('add');
  }
  // Whoever came to add a QQ to this account is not silently moved into another one.
  if (result.next === ADDING_QQ && kept && kept.userId !== result.userId) return offerSwitch(result);
  goOn(result);
}

function showBindForm() {
  show('bind');
  sms.open();
}

/** @param {import('./qq-login.js').SignedIn} other */
function offerSwitch(other) {
  one(document, '[data-other-username]').textContent = other.username;
  one(document, '[data-switch]').addEventListener('click', () => goOn({ ...other, next: '/user.html' }));
  show('switch');
}

/** @param {import('./qq-login.js').SignedIn} signIn */
function goOn(signIn) {
  keepSignIn(signIn);
  forgetSent();
  return leaveFor(signIn.next);
}

/**
 * The callback page leaves no trace in the history: going back does not end here.
 * @param {string} next
 * @returns {true}
 */
function leaveFor(next) {
  one(document, '[data-next]').setAttribute('href', next);
  show('done');
  location.replace(next);
  return true;
}

/** @param {ApiError} error */
function refused(error) {
  const tokenUnfit = error.errorCode === 'REQUEST_INVALID' && 'access_token' in error.fields;
  if (!START_AGAIN.includes(error.errorCode) && !tokenUnfit) return false;
  problem(
    error.errorCode === 'BIND_TOKEN_INVALID' || tokenUnfit
      ? new ApiError('BIND_TOKEN_INVALID', 'QQ登录已过期，请重新使用QQ登录')
      : error,
  );
  return true;
}

/** @param {unknown} error */
function problem(error) {
  one(document, '[data-problem]').textContent = apology(error);
  if (error instanceof ApiError && error.retryAfter) {
    setOff(restart, true);
    setTimeout(() => setOff(restart, false), error.retryAfter * 1000);
  }
  show('problem');
}
