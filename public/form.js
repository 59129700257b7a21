/** A form that checks itself: each field when it is left and when the form is sent, with a sentence beside it. */

import { ApiError } from './qq-login.js';

/**
 * @typedef {Record<string, string>} Values what the person typed, by field name
 * @typedef {object} Rule
 * @property {(value: string) => string} [tidy] what they meant: without the spaces of a pasted number
 * @property {(value: string) => string} fault a sentence, or '' when it fits
 */

/** @param {string} value */
const digits = (value) => value.normalize('NFKC').replace(/[\s-]/g, '');

/**
 * Passwords count in characters as people see them: Unicode code points.
 * @param {string} empty
 * @returns {Rule}
 */
const password = (empty) => ({
  fault(value) {
    if (value === '') return empty;
    const { length } = Array.from(value);
    return length < 8 || length > 20 ? '密码应为8至20个字符' : '';
  },
});

/**
 * @param {string} sentence
 * @returns {Rule}
 */
export const required = (sentence) => ({ fault: (value) => (value === '' ? sentence : '') });

/** @type {Record<string, Rule>} */
export const RULES = {
  mobile: {
    tidy: (value) => digits(value).replace(/^\+?86(?=1\d{10}$)/, ''),
    fault(value) {
      if (value === '') return '请输入手机号';
      return /^1[3-9]\d{9}$/.test(value) ? '' : '手机号格式不正确';
    },
  },
  username: {
    tidy: (value) => value.trim(),
    fault(value) {
      if (value === '') return '请输入用户名';
      if (!/^[A-Za-z0-9_]{5,20}$/.test(value)) return '用户名应为5至20个字母、数字或下划线';
      return /^1[3-9]\d{9}$/.test(value) ? '用户名不能是手机号' : '';
    },
  },
  password: password('请输入密码'),
  new_password: password('请输入新密码'),
  old_password: required('请输入当前密码'),
  image_code: {
    tidy: digits,
    fault: (value) => (value === '' ? '请输入图形验证码' : value.length === 4 ? '' : '图形验证码应为4个字符'),
  },
  sms_code: {
    tidy: digits,
    fault(value) {
      if (value === '') return '请输入短信验证码';
      return /^\d{6}$/.test(value) ? '' : '短信验证码应为6位数字';
    },
  },
};

/** The field that an error of the API concerns. @type {Record<string, string[]>} */
const CONCERNS = {
  SMS_CODE_INVALID: ['sms_code'],
  IMAGE_CODE_INVALID: ['image_code'],
  PASSWORD_INVALID: ['old_password', 'password'],
  CREDENTIALS_INVALID: ['password'],
  MOBILE_TAKEN: ['mobile'],
  USERNAME_TAKEN: ['username'],
};

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} the element, whose kind the page knows
 * @throws Error when the page and its script do not fit together
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`No ${selector} on this page`);
  return found;
}

/**
 * `105` → `1 分 45 秒`.
 * @param {number} seconds
 */
export function spell(seconds) {
  if (seconds < 100) return `${seconds} 秒`;
  if (seconds < 600 && seconds % 60 !== 0) return `${Math.floor(seconds / 60)} 分 ${seconds % 60} 秒`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} 分钟`;
  return `${Math.ceil(seconds / 3600)} 小时`;
}

/**
 * An error as one sentence, with the wait in it.
 * @param {ApiError} error
 */
export function sentence({ message, retryAfter }) {
  if (!retryAfter) return message;
  return `${message.replace(/[，,]?请?稍后再试.?$/, '')}，请在 ${spell(retryAfter)}后再试`;
}

/**
 * Busy: it says so, keeps the keyboard's focus, and ignores further clicks.
 * @param {HTMLElement} button
 * @param {boolean} busy
 */
export function setBusy(button, busy) {
  if (busy) button.setAttribute('aria-busy', 'true');
  else button.removeAttribute('aria-busy');
  setOff(button, busy);
}

/**
 * Off, but still reachable by keyboard, so that focus is never lost.
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
 * Runs `work` once per click, however often it is clicked, and says beside the button what went wrong.
 * `work` resolves to true when the page is about to leave, and the button then stays busy.
 * @param {HTMLElement} button
 * @param {HTMLElement} note
 * @param {() => Promise<boolean | void>} work
 */
export function onPress(button, note, work) {
  button.addEventListener('click', () => {
    if (!isOff(button)) void once();
  });
  addEventListener('pageshow', ({ persisted }) => persisted && setBusy(button, false));

  async function once() {
    setBusy(button, true);
    say(note, '');
    let leaving = false;
    try {
      leaving = (await work()) === true;
    } catch (error) {
      say(note, apology(error));
    } finally {
      if (!leaving) setBusy(button, false);
    }
  }
}

/**
 * What to say about an error; one that is our own mistake also goes to the console.
 * @param {unknown} error
 */
export function apology(error) {
  if (error instanceof ApiError) return sentence(error);
  reportError(error);
  return '出了点问题，请刷新页面后再试';
}

/**
 * A note's own words (its hint) come back when there is nothing else to say.
 * @param {HTMLElement} note
 * @param {string} message
 * @param {'bad' | 'good'} [tone]
 */
export function say(note, message, tone = 'bad') {
  note.dataset.hint ??= note.textContent?.trim() ?? '';
  const text = message || note.dataset.hint;
  if (note.textContent !== text) note.textContent = text;
  if (message) note.dataset.tone = tone;
  else delete note.dataset.tone;
}

/**
 * @typedef {object} FormPlan
 * @property {(values: Values) => Promise<boolean | void>} send true when the page is about to leave
 * @property {(error: ApiError) => boolean} [refused] true when the page has dealt with the error itself
 * @property {Record<string, Rule>} [rules] where this form's fields differ from {@link RULES}
 * @property {string[]} [unsent] fields that are not sent with the form (the picture code goes with the SMS)
 */

/**
 * Wires a form to its plan.
 * @param {HTMLFormElement} element
 * @param {FormPlan} plan
 */
export const wireForm = (element, plan) => new Form(element, plan);

/** A form wired to its plan: {@link wireForm}. */
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
    this.label = this.button.textContent ?? '';
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.waiting = undefined;

    element.noValidate = true;
    for (const input of this.inputs) {
      input.addEventListener('blur', () => this.leave(input));
      input.addEventListener('input', () => {
        input.dataset.touched = '';
        this.tell(input.name, '');
      });
    }
    for (const button of element.querySelectorAll('[data-reveal]')) this.wireReveal(button);
    element.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!isOff(this.button)) void this.submit();
    });
    // Back from the page it led to: the button works again.
    addEventListener('pageshow', ({ persisted }) => persisted && setBusy(this.button, false));
  }

  /** @returns {HTMLInputElement[]} */
  get inputs() {
    return [...this.element.querySelectorAll('input')].filter((input) => input.name !== '');
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement | undefined}
   */
  input(name) {
    return this.inputs.find((input) => input.name === name);
  }

  /** @param {string} name */
  rule(name) {
    return this.plan.rules?.[name] ?? RULES[name];
  }

  /**
   * What is in a field, tidied; the field shows it.
   * @param {string} name
   */
  value(name) {
    const input = this.input(name);
    if (!input) return '';
    const tidied = this.rule(name)?.tidy?.(input.value) ?? input.value;
    if (tidied !== input.value) input.value = tidied;
    return tidied;
  }

  /**
   * Checks one field and says what is wrong beside it.
   * @param {string} name
   */
  check(name) {
    const fault = this.rule(name)?.fault(this.value(name)) ?? '';
    this.tell(name, fault);
    return fault === '';
  }

  /** @param {HTMLInputElement} input */
  leave(input) {
    // Passing through an empty form by keyboard is no mistake yet. A server's sentence stays until the field changes.
    if ('touched' in input.dataset && !input.hasAttribute('aria-invalid')) this.check(input.name);
  }

  /**
   * @param {string} name
   * @param {string} message '' takes it back
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
    return one(this.element, `#${input.getAttribute('aria-describedby')}`);
  }

  focusFirstError() {
    /** @type {HTMLElement | null} */
    const first = this.element.querySelector('[aria-invalid]');
    first?.focus();
  }

  async submit() {
    say(this.note, '');
    const sent = this.inputs.filter(({ name }) => !this.plan.unsent?.includes(name));
    for (const { name } of this.inputs) this.tell(name, '');
    const checks = sent.map(({ name }) => this.check(name));
    if (checks.includes(false)) return this.focusFirstError();

    const values = Object.fromEntries(sent.map(({ name }) => [name, this.value(name)]));
    setBusy(this.button, true);
    this.button.textContent = this.button.dataset.busy ?? this.label;
    let leaving = false;
    try {
      leaving = (await this.plan.send(values)) === true;
    } catch (error) {
      this.refuse(error);
    } finally {
      this.button.textContent = this.label;
      if (!leaving && !this.waiting) setBusy(this.button, false);
      if (this.waiting) this.button.removeAttribute('aria-busy');
    }
  }

  /**
   * Puts what the API said where it belongs: beside its field, or above the button.
   * @param {unknown} error
   */
  refuse(error) {
    if (error instanceof ApiError) {
      if (this.plan.refused?.(error)) return;
      if (error.retryAfter) return this.wait(error);
      const told = this.tellFields(error);
      if (told) return this.focusFirstError();
    }
    say(this.note, apology(error));
  }

  /** @param {ApiError} error */
  tellFields(error) {
    const concerned = CONCERNS[error.errorCode]?.find((name) => this.input(name));
    const fields = concerned ? { [concerned]: error.message } : error.fields;
    const names = Object.keys(fields).filter((name) => this.input(name));
    for (const name of names) this.tell(name, fields[name] ?? '');
    return names.length > 0;
  }

  /**
   * No further try until it makes sense.
   * @param {ApiError} error
   */
  wait(error) {
    say(this.note, sentence(error));
    setOff(this.button, true);
    const over = Date.now() + (error.retryAfter ?? 0) * 1000;
    this.waiting = setInterval(() => {
      if (Date.now() < over) return;
      clearInterval(this.waiting);
      this.waiting = undefined;
      setOff(this.button, false);
      say(this.note, '');
    }, 250);
  }

  /** @param {Element} button shows the password, or hides it again */
  wireReveal(button) {
    const input = /** @type {HTMLInputElement} */ (
      one(this.element, `#${button.getAttribute('aria-controls')}`)
    );
    const { label: word = '密码' } = /** @type {HTMLElement} */ (button).dataset;
    button.addEventListener('click', () => {
      const shown = input.type === 'password';
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? '隐藏' : '显示';
      button.setAttribute('aria-label', `${shown ? '隐藏' : '显示'}${word}`);
    });
  }
}
