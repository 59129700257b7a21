/**
 * The fields of the forms. A form names its fields in `data-fields`. Each field has a label, a control and a note,
 * with ids made from the names of form and field.
 */

import { make, one } from './dom.js';
import { currentSettings } from './settings.js';
import { t } from './words.js';

/**
 * @typedef {object} Rule
 * @property {(value: string) => string} [tidy] the intended value, for example a pasted number without spaces
 * @property {(value: string) => string} [show] how the field shows it
 * @property {(value: string) => string} fault a sentence, or '' if the value is valid
 *
 * @typedef {object} Field
 * @property {string} name in the API
 * @property {string} label
 * @property {string} [rule] if it is not the rule of that name
 * @property {string} [hint]
 * @property {Record<string, string>} attributes of the input
 */

const MOBILE = /^1[3-9]\d{9}$/;

/** Removes pasted spaces, invisible characters, dashes, brackets and dots, and reads full-width digits. */
const bare = (/** @type {string} */ value) =>
  value.normalize('NFKC').replace(/[\s\p{Cf}\p{Pd}\p{Ps}\p{Pe}.·•]/gu, '');

/** Counts a password in Unicode code points, the characters that people see. @param {string} value */
const fitsPassword = (value) => {
  const { length } = Array.from(value);
  return length >= 8 && length <= 20;
};

/**
 * @param {string} sentence
 * @returns {Rule}
 */
const required = (sentence) => ({ fault: (value) => (value === '' ? t(sentence) : '') });

/** @param {string} empty @returns {Rule} */
const newPassword = (empty) => ({
  fault: (value) => (value === '' ? t(empty) : fitsPassword(value) ? '' : t('密码应为8至20个字符')),
});

/** @type {Record<string, Rule>} */
export const RULES = {
  mobile: {
    tidy: (value) => bare(value).replace(/^(\+?86|0086)(?=1\d{10}$)/, ''),
    show: grouped,
    fault(value) {
      if (value === '') return t('请输入手机号');
      return MOBILE.test(value) ? '' : t('手机号格式不正确');
    },
  },
  login: { tidy: (value) => value.trim(), fault: required('请输入用户名或手机号').fault },
  username: {
    tidy: (value) => value.trim(),
    fault(value) {
      if (value === '') return t('请输入用户名');
      if (!/^[A-Za-z0-9_]{5,20}$/.test(value)) return t('用户名应为5至20个字母、数字或下划线');
      return MOBILE.test(value) ? t('用户名不能是手机号') : '';
    },
  },
  password: required('请输入密码'),
  optional: { fault: () => '' },
  old_password: required('请输入当前密码'),
  chosen: newPassword('请输入密码'),
  new_password: newPassword('请输入新密码'),
  image_code: {
    tidy: bare,
    fault(value) {
      if (value === '') return t('请输入图形验证码');
      return value.length === 4 ? '' : t('图形验证码应为4个字符');
    },
  },
  sms_code: {
    // The whole message may be pasted: takes its six consecutive digits.
    tidy(value) {
      const digits = value.normalize('NFKC').replace(/\p{Cf}/gu, '');
      const code = /(?:^|\D)(\d{6})(?!\d)/.exec(digits);
      return code ? String(code[1]) : bare(digits);
    },
    fault(value) {
      if (value === '') return t('请输入短信验证码');
      return /^\d{6}$/.test(value) ? '' : t('短信验证码应为6位数字');
    },
  },
  terms: required('请先阅读并同意用户协议和隐私政策'),
};

/** `138 0013 8000`: the usual grouping of a mobile. @param {string} value */
function grouped(value) {
  return value.replace(/^(\d{3})(\d{1,4})(\d{0,4})$/, (_all, ...parts) => parts.slice(0, 3).join(' ').trim());
}

const NAME = { type: 'text', autocapitalize: 'none', spellcheck: 'false' };
const CURRENT = { ...NAME, type: 'password', autocomplete: 'current-password' };
const NEW = { ...NAME, type: 'password', autocomplete: 'new-password' };
const NUMBER = { type: 'tel', autocomplete: 'tel' };
const CODE = { type: 'text', inputmode: 'numeric', autocomplete: 'one-time-code' };

/** @type {Record<string, Field>} */
const FIELDS = {
  login: {
    name: 'username',
    label: '用户名或手机号',
    rule: 'login',
    attributes: { ...NAME, autocomplete: 'username' },
  },
  username: {
    name: 'username',
    label: '用户名',
    hint: '5至20个字母、数字或下划线',
    attributes: { ...NAME, autocomplete: 'username' },
  },
  mobile: { name: 'mobile', label: '手机号', attributes: NUMBER },
  // A password manager stores the password under the mobile.
  'mobile-as-name': {
    name: 'mobile',
    label: '手机号',
    attributes: { type: 'text', inputmode: 'numeric', autocomplete: 'username' },
  },
  'new-mobile': { name: 'mobile', label: '新手机号', attributes: NUMBER },
  picture: {
    name: 'image_code',
    label: '图形验证码',
    hint: '不区分大小写',
    attributes: { type: 'text', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false' },
  },
  'sms-code': { name: 'sms_code', label: '短信验证码', attributes: CODE },
  'own-sms-code': {
    name: 'sms_code',
    label: '短信验证码',
    hint: '验证码发送至账号绑定的手机',
    attributes: CODE,
  },
  password: { name: 'password', label: '密码', attributes: CURRENT },
  'add-password': {
    name: 'password',
    label: '账号密码',
    hint: '没有设过密码的账号，在这里设一个',
    attributes: CURRENT,
  },
  'optional-password': {
    name: 'password',
    label: '账号密码',
    rule: 'optional',
    hint: '没有设过密码的账号不用填',
    attributes: CURRENT,
  },
  'unbind-password': {
    name: 'password',
    label: '账号密码',
    hint: '解绑后，所有设备都要重新登录',
    attributes: CURRENT,
  },
  'bind-password': {
    name: 'password',
    label: '密码',
    hint: '有账号填原密码；新账号设8至20个字符',
    attributes: CURRENT,
  },
  'chosen-password': {
    name: 'password',
    label: '密码',
    rule: 'chosen',
    hint: '8至20个字符',
    attributes: NEW,
  },
  'reset-password': {
    name: 'password',
    label: '新密码',
    rule: 'new_password',
    hint: '8至20个字符',
    attributes: NEW,
  },
  'old-password': { name: 'old_password', label: '当前密码', attributes: CURRENT },
  'new-password': {
    name: 'new_password',
    label: '新密码',
    hint: '8至20个字符；修改后，所有设备都要重新登录',
    attributes: NEW,
  },
};

/**
 * Inserts the fields that a form names before its button.
 * @param {HTMLFormElement} form
 */
export function insertFields(form) {
  const { form: prefix = '', fields = '' } = form.dataset;
  const parts = fields.split(' ').map((key) => {
    if (key === 'owner') return owner();
    if (key === 'terms') return terms(`${prefix}-terms`);
    const field = FIELDS[key];
    if (!field) throw new Error(`No field ${key}`);
    return fieldElement(`${prefix}-${field.name}`, field);
  });
  const fragment = document.createDocumentFragment();
  for (const part of parts) if (part) fragment.append(part);
  form.insertBefore(fragment, form.firstChild);
}

/** A hidden field with the account's name, for password managers. */
function owner() {
  return make('input', {
    type: 'text',
    autocomplete: 'username',
    'data-owner': '',
    readonly: '',
    hidden: '',
  });
}

/** @param {string} id @param {Field} field */
function fieldElement(id, { name, label, rule, hint, attributes }) {
  const note = make('p', { class: 'note', id: `${id}-note`, 'aria-live': 'polite' }, hint ? t(hint) : '');
  const input = make('input', { id, name, ...attributes, 'aria-describedby': note.id });
  input.required = rule !== 'optional';
  if (rule) input.dataset.rule = rule;
  const control = make('div', { class: 'control' }, input);
  if (attributes.type === 'password') control.append(reveal(input, t(label)));
  if (name === 'mobile') {
    control.insertBefore(make('span', { class: 'prefix', 'aria-hidden': 'true' }, '+86'), input);
    groupWhileTyping(input);
  }
  if (name === 'image_code') control.append(pictureButton());
  if (name === 'sms_code')
    control.append(make('button', { class: 'beside', type: 'button', 'data-send': '' }, t('获取验证码')));
  const field = make('div', { class: 'field' }, make('label', { for: id }, t(label)), control, note);
  if (name === 'image_code') {
    field.dataset.picture = '';
    field.hidden = true;
  }
  return field;
}

/** @param {HTMLInputElement} input @param {string} label */
function reveal(input, label) {
  const button = make('button', { class: 'inside', type: 'button', 'aria-controls': input.id });
  const name = (/** @type {boolean} */ shown) => {
    button.textContent = shown ? t('隐藏') : t('显示');
    button.setAttribute('aria-label', t(shown ? '隐藏{label}' : '显示{label}', { label }));
  };
  name(false);
  button.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    input.dataset.shown = '';
    name(shown);
  });
  return button;
}

function pictureButton() {
  const attributes = { class: 'picture', type: 'button', 'data-again': '' };
  return make('button', { ...attributes, 'aria-label': t('看不清，换一张图形验证码') });
}

/** Groups the digits of a typed mobile. The caret stays behind its digit. @param {HTMLInputElement} input */
function groupWhileTyping(input) {
  input.addEventListener('input', (event) => {
    if (event instanceof InputEvent && event.isComposing) return;
    const { value, selectionStart } = input;
    if (/[^\d ]/.test(value)) return;
    const digits = value.replace(/ /g, '');
    const shown = digits.length > 11 ? digits : grouped(digits);
    if (shown === value) return;
    const before = value
      .slice(0, selectionStart === null ? value.length : selectionStart)
      .replace(/ /g, '').length;
    input.value = shown;
    let caret = 0;
    for (let seen = 0; seen < before && caret < shown.length; caret += 1) if (shown[caret] !== ' ') seen += 1;
    if (document.activeElement === input) input.setSelectionRange(caret, caret);
  });
}

/** The box for consent, unticked, if the operator asks for consent. @param {string} id */
function terms(id) {
  const { terms_version: version, terms_url: termsUrl, privacy_url: privacyUrl } = currentSettings();
  if (!version) return undefined;
  const link = (/** @type {string | null} */ href, /** @type {string} */ text) =>
    make('a', { href: href || undefined, target: '_blank', rel: 'noopener' }, t(text));
  const note = make('p', { class: 'note', id: `${id}-note`, 'aria-live': 'polite' });
  const box = make('input', {
    id,
    type: 'checkbox',
    name: 'terms',
    value: version,
    'aria-describedby': note.id,
  });
  const text = [
    t('我已阅读并同意'),
    link(termsUrl, '《用户协议》'),
    t('和'),
    link(privacyUrl, '《隐私政策》'),
  ];
  return make('div', { class: 'field agree' }, box, make('label', { for: id }, ...text), note);
}

/** Sets the account's name for password managers. @param {ParentNode} root @param {string} username */
export function nameOwner(root, username) {
  one(root, '[data-owner]').defaultValue = username;
}
