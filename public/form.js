/** A form that checks its fields when the focus leaves them and when it is sent, and shows a sentence beside each. */

import { ApiError } from './qq-login.js';
import { insertFields, RULES } from './fields.js';
import { one } from './dom.js';
import { spell, t } from './words.js';

/**
 * @typedef {Record<string, string>} Values what the person typed, by field name
 */

/** The field that an error of the API concerns. @type {Record<string, string[]>} */
const CONCERNS = {
  SMS_CODE_INVALID: ['sms_code'],
  IMAGE_CODE_INVALID: ['image_code'],
  PASSWORD_INVALID: ['old_password', 'password'],
  CREDENTIALS_INVALID: ['password'],
  MOBILE_TAKEN: ['mobile'],
  USERNAME_TAKEN: ['username'],
  TERMS_REQUIRED: ['terms'],
};

/**
 * Marks a button as busy: it says so, keeps the focus, and ignores further clicks.
 * @param {HTMLElement} button
 * @param {boolean} busy
 */
export function setBusy(button, busy) {
  if (busy) button.setAttribute('aria-busy', 'true');
  else button.removeAttribute('aria-busy');
  setOff(button, busy);
}

/**
 * Disables a button that stays reachable by keyboard, so that the focus is never lost.
 * @param {HTMLElement} button
 * @param {boolean} off
 */
export function setOff(button, off) {
  if (off) button.setAttribute('aria-disabled', 'true');
  else button.removeAttribute('aria-disabled');
}

/** @param {HTMLElement} button */
export const isOff = (button) => button.getAttribute('aria-disabled') === 'true';

/**
 * Runs `work` for a click, ignores clicks while it runs, and shows errors beside the button.
 * `work` resolves to true when the page is about to leave; the button then stays busy.
 * @param {HTMLElement} button
 * @param {HTMLElement} note
 * @param {() => Promise<boolean | void>} work
 */
export function onPress(button, note, work) {
  button.addEventListener('click', () => {
    if (!isOff(button)) void once();
  });
  button.removeAttribute('disabled');
  addEventListener('pageshow', ({ persisted }) => persisted && setBusy(button, false));

  async function once() {
    setBusy(button, true);
    say(note, '');
    let leaving = false;
    try {
      leaving = (await work()) === true;
    } catch (error) {
      say(note, apology(error));
      if (error instanceof ApiError && error.retryAfter) return waitOn(button, note, error.retryAfter);
    }
    if (!leaving) setBusy(button, false);
  }
}

/**
 * Disables the button until another try makes sense, and counts down.
 * @param {HTMLElement} button
 * @param {HTMLElement} note
 * @param {number} seconds
 */
export function waitOn(button, note, seconds) {
  const label = button.textContent;
  const over = Date.now() + seconds * 1000;
  button.removeAttribute('aria-busy');
  setOff(button, true);
  const tick = () => {
    const left = Math.ceil((over - Date.now()) / 1000);
    if (left > 0) {
      button.textContent = t('{wait}后可重试', { wait: spell(left) });
      return;
    }
    clearInterval(timer);
    button.textContent = label;
    setOff(button, false);
    say(note, '');
  };
  const timer = setInterval(tick, 500);
  tick();
}

/**
 * The sentence for an error. A programming error is also logged to the console.
 * @param {unknown} error
 */
export function apology(error) {
  if (error instanceof ApiError) return error.message;
  console.error(error);
  return t('出了点问题，请刷新页面后再试');
}

/**
 * Shows a message in a note. An empty message restores the note's hint.
 * @param {HTMLElement} note
 * @param {string} message
 * @param {'bad' | 'good'} [tone]
 */
export function say(note, message, tone = 'bad') {
  if (note.dataset.hint === undefined) note.dataset.hint = (note.textContent || '').trim();
  const text = message || note.dataset.hint;
  if (note.textContent !== text) note.textContent = text;
  if (message) note.dataset.tone = tone;
  else delete note.dataset.tone;
}

/**
 * @typedef {object} FormPlan
 * @property {(values: Values) => Promise<boolean | void>} send true when the page is about to leave
 * @property {(error: ApiError) => boolean | void} [refused] true if the page has shown the error itself
 */

/**
 * Inserts the fields that a form names (`data-fields`) and connects it to its plan.
 * @param {HTMLFormElement} element
 * @param {FormPlan} plan
 */
export const wireForm = (element, plan) => new Form(element, plan);

/** A form connected to its plan by {@link wireForm}. */
export class Form {
  /**
   * @param {HTMLFormElement} element
   * @param {FormPlan} plan
   */
  constructor(element, plan) {
    this.element = element;
    this.plan = plan;
    this.button = /** @type {HTMLButtonElement} */ (one(element, 'button[type="submit"]'));
    this.note = /** @type {HTMLElement} */ (one(element, '[data-form-note]'));
    this.label = this.button.textContent || '';
    /** Handlers of Enter by field. false: Enter moves on as in other fields. @type {Record<string, () => boolean>} */
    this.onEnter = {};

    insertFields(element);
    element.noValidate = true;
    for (const input of this.allInputs) {
      input.addEventListener('blur', () => this.leave(input));
      input.addEventListener('input', () => {
        input.dataset.touched = '';
        this.tell(input.name, '');
      });
      input.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' && this.goOn(input)) event.preventDefault();
      });
    }
    element.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!isOff(this.button)) void this.submit();
    });
    this.button.disabled = false;
    // The browser has restored the page from its cache: the button works again.
    addEventListener('pageshow', ({ persisted }) => persisted && this.rest());
  }

  /** The button is no longer busy. */
  rest() {
    this.button.textContent = this.label;
    setBusy(this.button, false);
  }

  /** @returns {HTMLInputElement[]} */
  get allInputs() {
    return [...this.element.querySelectorAll('input')].filter((input) => input.name !== '');
  }

  /** The visible inputs: the field of an unneeded picture is hidden. @returns {HTMLInputElement[]} */
  get inputs() {
    return this.allInputs.filter((input) => !input.closest('.field[hidden]'));
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement | undefined}
   */
  input(name) {
    return this.allInputs.find((input) => input.name === name);
  }

  /** @param {HTMLInputElement} input */
  rule(input) {
    return RULES[input.dataset.rule || input.name];
  }

  /**
   * A field's tidied value.
   * @param {string} name
   */
  value(name) {
    const input = this.input(name);
    if (!input) return '';
    if (input.type === 'checkbox') return input.checked ? input.value : '';
    const rule = this.rule(input);
    return rule && rule.tidy ? rule.tidy(input.value) : input.value;
  }

  /**
   * Checks one field, shows the tidied value, and shows what is wrong beside it.
   * @param {string} name
   */
  check(name) {
    const input = this.input(name);
    if (!input) return true;
    const rule = this.rule(input);
    const value = this.value(name);
    if (input.type !== 'checkbox') {
      const shown = rule && rule.show ? rule.show(value) : value;
      if (shown !== input.value) input.value = shown;
    }
    const fault = rule ? rule.fault(value) : '';
    this.tell(name, fault);
    return fault === '';
  }

  /** @param {HTMLInputElement} input */
  leave(input) {
    // Moving through an empty form by keyboard is not a mistake. A server's sentence stays until the field changes.
    if ('touched' in input.dataset && !input.hasAttribute('aria-invalid')) this.check(input.name);
  }

  /**
   * Moves the focus to the next empty field. If there is none, Enter sends the form.
   * @param {HTMLInputElement} input
   * @returns {boolean} whether the focus moved
   */
  goOn(input) {
    const first = this.onEnter[input.name];
    if (first && first()) return true;
    const { inputs } = this;
    const next = inputs.slice(inputs.indexOf(input) + 1).find((later) => !this.value(later.name));
    if (!next) return false;
    if (this.check(input.name)) next.focus();
    return true;
  }

  /**
   * @param {string} name
   * @param {string} message '' removes it
   */
  tell(name, message) {
    const input = this.input(name);
    if (!input) return;
    if (message) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
    say(this.noteOf(input), message);
  }

  /**
   * @param {HTMLInputElement} input
   * @returns {HTMLElement}
   */
  noteOf(input) {
    return one(this.element, `[id="${input.getAttribute('aria-describedby')}"]`);
  }

  focusFirstError() {
    const first = this.inputs.find((input) => input.hasAttribute('aria-invalid'));
    if (first) first.focus();
  }

  async submit() {
    say(this.note, '');
    // The picture's text is sent with the request for an SMS, not with the form.
    const sent = this.inputs.filter(({ name }) => name !== 'image_code').map(({ name }) => name);
    for (const { name } of this.inputs) this.tell(name, '');
    const checks = sent.map((name) => this.check(name));
    if (checks.indexOf(false) >= 0) return this.focusFirstError();

    /** @type {Values} */
    const values = {};
    for (const name of sent) if (this.value(name)) values[name] = this.value(name);
    setBusy(this.button, true);
    this.button.textContent = this.button.dataset.busy || this.label;
    let leaving = false;
    let wait;
    try {
      leaving = (await this.plan.send(values)) === true;
    } catch (error) {
      wait = this.refuse(error);
    }
    if (leaving) return;
    this.rest();
    if (wait) waitOn(this.button, this.note, wait);
  }

  /**
   * Shows the API's error beside its field, or above the button.
   * @param {unknown} error
   * @returns {number | void} seconds until another try makes sense
   */
  refuse(error) {
    if (error instanceof ApiError) {
      if (this.plan.refused && this.plan.refused(error)) return;
      if (!error.retryAfter && this.tellFields(error)) return;
    }
    say(this.note, apology(error));
    return error instanceof ApiError ? error.retryAfter : undefined;
  }

  /**
   * @param {ApiError} error
   * @returns {boolean} whether it concerns a field of this form; the first such field gets the focus
   */
  tellFields(error) {
    const concerned = (CONCERNS[error.errorCode] || []).find((name) => this.input(name));
    const fields = concerned ? { [concerned]: helpful(error) } : error.fields;
    const names = Object.keys(fields).filter((name) => this.input(name));
    for (const name of names) this.tell(name, fields[name] || '');
    const first = names[0] && this.input(names[0]);
    if (first) first.focus();
    return names.length > 0;
  }
}

/** The API has one error for every invalid SMS code. This sentence also says what to do. @param {ApiError} error */
function helpful({ errorCode, message }) {
  return errorCode === 'SMS_CODE_INVALID'
    ? t('验证码不对，或已用过、过期。请看最新一条短信，或重新获取')
    : message;
}
