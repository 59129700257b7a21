/** The picture to copy and the button that sends an SMS, inside a form that has both. */

import { ApiError, requestPicture, sendSmsCode } from './qq-login.js';
import { apology, isOff, one, say, setBusy, setOff, spell } from './form.js';

/** What this tab has sent last, so that a reload neither loses the number nor the wait. */
const SENT = 'sms_sent';
/** A picture lives 300 s; an older one is changed before someone copies it in vain. */
const PICTURE_FRESH_MS = 280_000;

/** The SMS part of a form. */
export class SmsPart {
  /** @param {import('./form.js').Form} form */
  constructor(form) {
    this.form = form;
    this.image = /** @type {HTMLImageElement} */ (one(form.element, '[data-picture] img'));
    this.send = /** @type {HTMLButtonElement} */ (one(form.element, '[data-send]'));
    this.again = /** @type {HTMLButtonElement} */ (one(form.element, '[data-picture]'));
    this.mobile = /** @type {HTMLInputElement} */ (form.input('mobile'));
    this.imageCode = /** @type {HTMLInputElement} */ (form.input('image_code'));
    this.smsCode = /** @type {HTMLInputElement} */ (form.input('sms_code'));
    this.note = form.noteOf(this.smsCode);
    this.label = this.send.textContent ?? '';
    this.pictureId = '';
    this.drawnAt = 0;
    this.toldToWait = false;

    /** The number that has to wait, and until when. @type {{ mobile: string, until: number }} */
    this.wait = JSON.parse(sessionStorage.getItem(SENT) ?? '{"mobile":"","until":0}');
    if (this.mobile.value === '') this.mobile.value = this.wait.mobile;

    this.again.addEventListener('click', () => {
      this.draw();
      this.imageCode.focus();
    });
    this.image.addEventListener('load', () => delete this.again.dataset.broken);
    this.image.addEventListener('error', () => (this.again.dataset.broken = ''));
    this.imageCode.addEventListener('focus', () => {
      if (Date.now() - this.drawnAt > PICTURE_FRESH_MS) this.draw();
    });
    this.imageCode.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      void this.press();
    });
    this.mobile.addEventListener('input', () => this.tick());
    this.send.addEventListener('click', () => void this.press());
    setInterval(() => this.tick(), 500);
    this.tick();
  }

  /** A fresh picture, and nothing copied yet. */
  draw() {
    const { id, src } = requestPicture();
    this.pictureId = id;
    this.drawnAt = Date.now();
    this.image.src = src;
    this.imageCode.value = '';
    delete this.imageCode.dataset.touched;
  }

  /** Draws a picture where none has been yet: when its form comes into view. */
  open() {
    if (!this.pictureId) this.draw();
  }

  /** Counts down; another number need not wait. */
  tick() {
    if (this.send.getAttribute('aria-busy') === 'true') return;
    const here = this.form.rule('mobile')?.tidy?.(this.mobile.value) === this.wait.mobile;
    const seconds = here ? Math.ceil((this.wait.until - Date.now()) / 1000) : 0;
    const text = seconds > 0 ? `${spell(seconds)}后重发` : this.wait.mobile && here ? '重新发送' : this.label;
    if (this.send.textContent !== text) this.send.textContent = text;
    setOff(this.send, seconds > 0);
    // Told to wait, and the wait is over.
    if (seconds <= 0 && this.toldToWait) say(this.note, '');
    this.toldToWait &&= seconds > 0;
  }

  async press() {
    if (isOff(this.send)) return;
    for (const name of ['mobile', 'image_code', 'sms_code']) this.form.tell(name, '');
    const fits = ['mobile', 'image_code'].map((name) => this.form.check(name));
    if (fits.includes(false)) return this.form.focusFirstError();

    const mobile = this.form.value('mobile');
    const pictureText = this.form.value('image_code');
    setBusy(this.send, true);
    try {
      const sent = await sendSmsCode({ mobile, pictureId: this.pictureId, pictureText });
      this.waitFor(mobile, sent.resendAfter);
      this.draw();
      this.form.tell('image_code', '');
      say(this.note, `已发送至 ${mobile}，${spell(sent.expiresIn)}内有效`, 'good');
      this.smsCode.focus();
    } catch (error) {
      this.refuse(error, mobile);
    } finally {
      setBusy(this.send, false);
      this.tick();
    }
  }

  /**
   * @param {unknown} error
   * @param {string} mobile
   */
  refuse(error, mobile) {
    // Whatever the API answered may have used the picture up.
    if (error instanceof ApiError && error.status > 0) this.draw();
    if (error instanceof ApiError && this.form.tellFields(error)) return this.form.focusFirstError();
    this.form.tell('sms_code', '');
    say(this.note, apology(error));
    if (!(error instanceof ApiError) || !error.retryAfter) return;
    this.waitFor(mobile, error.retryAfter);
    this.toldToWait = true;
  }

  /**
   * @param {string} mobile
   * @param {number} seconds
   */
  waitFor(mobile, seconds) {
    this.wait = { mobile, until: Date.now() + seconds * 1000 };
    sessionStorage.setItem(SENT, JSON.stringify(this.wait));
  }
}

/** The number is not kept longer than its form. */
export function forgetSent() {
  sessionStorage.removeItem(SENT);
}
