/** The part of a form that sends an SMS: human check, button, recipient and wait. */

import {
  ApiError,
  canSolveHumanCheck,
  requestPicture,
  sendSmsCode,
  solveHumanCheck,
  storage,
} from './qq-login.js';
import { keptSignIn } from './account.js';
import { make, one } from './dom.js';
import { apology, isOff, say, setBusy, setOff } from './form.js';
import { currentSettings } from './settings.js';
import { spell, t } from './words.js';

/** The last SMS of this tab, so that a reload loses neither the number nor the wait. */
const SENT = 'sms_sent';
/** Milliseconds. A picture is valid for 300 s; an older one is replaced before someone copies it. */
const PICTURE_FRESH_MS = 280000;
/** Milliseconds. A challenge expires after 600 s. A proof of work that was solved in advance is not used after this. */
const PROOF_FRESH_MS = 480000;
/** The account's own mobile, which the page does not know. */
const OWN = 'own';

const tab = storage('sessionStorage');

/** The number that has to wait, until when, and how long its code is valid. */
/** @typedef {{ mobile: string, until: number, expires: number }} Sent */

/** @returns {Sent} */
const lastSent = () => /** @type {Sent | null} */ (tab.json(SENT)) || { mobile: '', until: 0, expires: 0 };

/** Whether the proof of work replaces the picture. */
function solvesItself() {
  const { human_check: checks } = currentSettings();
  return checks.indexOf('altcha') >= 0 && (canSolveHumanCheck() || checks.indexOf('picture') < 0);
}

/** The SMS part of a form. */
export class SmsPart {
  /** @param {import('./form.js').Form} form */
  constructor(form) {
    this.form = form;
    this.send = /** @type {HTMLButtonElement} */ (one(form.element, '[data-send]'));
    this.smsCode = /** @type {HTMLInputElement} */ (form.input('sms_code'));
    this.mobile = form.input('mobile');
    this.note = form.noteOf(this.smsCode);
    this.label = this.send.textContent || '';
    this.picture = solvesItself() ? undefined : new Picture(form);
    form.onEnter[this.picture ? 'image_code' : 'mobile'] = () => this.enter();
    /** A running proof of work. @type {{ at: number, solution: Promise<string> } | undefined} */
    this.proof = undefined;
    /** The API refused the last try, and said how long to wait. */
    this.refused = false;
    /** The note that says how long the code is valid. */
    this.told = '';
    this.sent = lastSent();

    if (this.mobile) {
      if (this.mobile.value === '' && this.sent.mobile !== OWN) this.mobile.value = this.sent.mobile;
      this.form.check('mobile');
      this.form.tell('mobile', '');
      this.mobile.addEventListener('input', () => this.tick());
      // Solved while the number is typed, so that the button does not wait.
      this.mobile.addEventListener('focus', () => this.prepare());
    }
    this.smsCode.addEventListener('focus', () => this.prepare());
    this.send.addEventListener('click', () => void this.press());
    setInterval(() => this.tick(), 500);
    this.tick();
  }

  /** Called when the form becomes visible: shows a picture, and what was sent before a reload. */
  open() {
    if (this.picture && !this.isWaiting) this.picture.show();
    if (this.isSentTo && this.sent.expires > Date.now()) this.tellSent();
  }

  /** The recipient of the form's SMS: a tidied number, or the account's own. */
  get recipient() {
    return this.mobile ? this.form.value('mobile') : OWN;
  }

  /** Whether the last SMS of this tab went to the number in the form. */
  get isSentTo() {
    return this.sent.mobile !== '' && this.recipient === this.sent.mobile;
  }

  get isWaiting() {
    return this.isSentTo && this.sent.until > Date.now();
  }

  /** Counts down. Another number does not have to wait. */
  tick() {
    if (this.send.getAttribute('aria-busy') === 'true') return;
    const waiting = this.isWaiting;
    const seconds = Math.ceil((this.sent.until - Date.now()) / 1000);
    const text = waiting
      ? t('{wait}后重发', { wait: spell(seconds) })
      : this.isSentTo
        ? t('重新发送')
        : this.label;
    if (this.send.textContent !== text) this.send.textContent = text;
    setOff(this.send, waiting);
    if (this.told && this.sent.expires <= Date.now()) {
      if (this.note.textContent === this.told) say(this.note, t('验证码已过期，请重新获取'));
      this.told = '';
    }
    // The wait that the API asked for is over.
    if (this.refused && !waiting) {
      this.refused = false;
      say(this.note, '');
    }
    if (this.picture && !waiting && this.send.offsetParent) this.picture.show();
  }

  /** Starts the proof of work, unless one is running. */
  prepare() {
    if (this.picture || this.isWaiting) return;
    if (this.proof && Date.now() - this.proof.at < PROOF_FRESH_MS) return;
    const proof = { at: Date.now(), solution: solveHumanCheck() };
    this.proof = proof;
    // The button's handler reports the error of a proof that it waits for. After that, there is another try.
    proof.solution.catch(() => {
      if (this.proof === proof) this.proof = undefined;
    });
  }

  /**
   * The proof of the human check. If the proof of work fails and a picture is allowed, the picture is shown instead. An
   * error of the API or of the network is thrown, because the picture would meet it too.
   * @returns {Promise<import('./qq-login.js').Proof | undefined>}
   */
  async prove() {
    if (this.picture) return this.picture.proof();
    this.prepare();
    const { proof } = this;
    this.proof = undefined;
    try {
      return { altcha: proof ? await proof.solution : '' };
    } catch (error) {
      const told = error instanceof ApiError && error.errorCode !== 'HUMAN_CHECK_INVALID';
      if (told || currentSettings().human_check.indexOf('picture') < 0) throw error;
      this.usePicture();
      return undefined;
    }
  }

  usePicture() {
    this.picture = new Picture(this.form);
    delete this.form.onEnter.mobile;
    this.form.onEnter.image_code = () => this.enter();
    this.picture.show();
    this.picture.input.focus();
  }

  /** Makes Enter in the preceding field press the button. */
  enter() {
    if (isOff(this.send)) return false;
    void this.press();
    return true;
  }

  async press() {
    if (isOff(this.send)) return;
    for (const name of ['mobile', 'image_code', 'sms_code']) this.form.tell(name, '');
    if (this.picture) this.picture.show();
    const fits = ['mobile', ...(this.picture ? ['image_code'] : [])].map((name) => this.form.check(name));
    if (fits.indexOf(false) >= 0) return this.form.focusFirstError();

    const recipient = this.recipient;
    setBusy(this.send, true);
    this.send.textContent = t(this.picture ? '正在发送…' : '正在验证…');
    try {
      const proof = await this.prove();
      if (!proof) return;
      this.send.textContent = t('正在发送…');
      const signIn = keptSignIn();
      const to = this.mobile ? { mobile: recipient } : { token: signIn ? signIn.token : '' };
      const sent = await sendSmsCode({ ...to, ...proof });
      this.keep(recipient, sent.resendAfter, sent.expiresIn);
      if (this.picture) this.picture.hide();
      this.tellSent();
      this.smsCode.focus();
    } catch (error) {
      this.refuse(error, recipient);
    } finally {
      setBusy(this.send, false);
      this.tick();
    }
  }

  tellSent() {
    const minutes = { wait: spell(Math.max(1, Math.round((this.sent.expires - Date.now()) / 1000))) };
    const text = this.mobile
      ? t('已发送至 {mobile}，{wait}内有效', { mobile: this.mobile.value, ...minutes })
      : t('已发送至账号绑定的手机，{wait}内有效', minutes);
    say(this.note, text, 'good');
    this.told = text;
  }

  /**
   * @param {unknown} error
   * @param {string} recipient
   */
  refuse(error, recipient) {
    // The API may have used up the picture, whatever it answered.
    if (this.picture && error instanceof ApiError && error.status > 0) this.picture.draw();
    if (error instanceof ApiError && this.form.plan.refused && this.form.plan.refused(error)) return;
    if (error instanceof ApiError && this.form.tellFields(error)) return;
    this.form.tell('sms_code', '');
    say(this.note, apology(error));
    if (!(error instanceof ApiError) || !error.retryAfter) return;
    this.keep(recipient, error.retryAfter, 0);
    this.refused = true;
  }

  /**
   * @param {string} mobile
   * @param {number} wait seconds
   * @param {number} life seconds
   */
  keep(mobile, wait, life) {
    const sameCode = this.sent.mobile === mobile && life === 0;
    const expires = sameCode ? this.sent.expires : Date.now() + life * 1000;
    this.sent = { mobile, until: Date.now() + wait * 1000, expires };
    tab.set(SENT, JSON.stringify(this.sent));
  }
}

/** The picture to copy, if the proof of work is not available. It is hidden while no SMS can be sent. */
class Picture {
  /** @param {import('./form.js').Form} form */
  constructor(form) {
    this.form = form;
    this.field = /** @type {HTMLElement} */ (one(form.element, '[data-picture]'));
    this.image = make('img', { alt: '', width: '120', height: '44' });
    this.again = /** @type {HTMLElement} */ (one(this.field, '[data-again]'));
    this.input = /** @type {HTMLInputElement} */ (one(this.field, 'input'));
    this.id = '';
    this.drawnAt = 0;

    this.again.addEventListener('click', () => {
      this.draw();
      this.input.focus();
    });
    this.image.addEventListener('load', () => delete this.again.dataset.broken);
    this.image.addEventListener('error', () => {
      this.again.dataset.broken = t('加载失败，点击重试');
    });
    this.input.addEventListener('focus', () => {
      if (Date.now() - this.drawnAt > PICTURE_FRESH_MS) this.draw();
    });
  }

  show() {
    this.field.hidden = false;
    if (!this.id) this.draw();
  }

  hide() {
    this.field.hidden = true;
    this.id = '';
    this.input.value = '';
    this.form.tell('image_code', '');
  }

  /** Loads a new picture and empties the field. */
  draw() {
    const { id, src } = requestPicture();
    this.id = id;
    this.drawnAt = Date.now();
    this.image.src = src;
    if (!this.image.parentNode) this.again.append(this.image);
    this.input.value = '';
    delete this.input.dataset.touched;
  }

  /** @returns {import('./qq-login.js').Proof} */
  proof() {
    return { pictureId: this.id, pictureText: this.form.value('image_code') };
  }
}

/** Removes the stored number when its form is done. */
export function forgetSent() {
  tab.remove(SENT);
}
