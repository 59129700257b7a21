/**
 * QQ login for any front end: start, finish, bind. It has no dependency and no markup. docs/spa.md shows its use in
 * Vue, React, a plain page and uni-app. Uses only syntax and interfaces of Chrome 70 and Safari 13.
 */

/**
 * @typedef {{ status: 'signed-in', token: string, userId: number, username: string, next: string }} SignedIn
 * @typedef {object} NeedsBinding
 * @property {'needs-binding'} status
 * @property {string} accessToken for {@link bindQq} or {@link addQq}
 * @property {string} next a local path
 * @property {number} expiresAt milliseconds since 1970, like `Date.now()`
 * @property {string} [nickname] of the QQ, if the service asks QQ for it (`QQ_PROFILE`)
 * @property {string} [avatar] an https URL
 *
 * @typedef {object} PageSettings the operator's settings for the pages
 * @property {string} brand
 * @property {string | null} logo_url
 * @property {string | null} icp the 备案号
 * @property {string | null} support_url
 * @property {string | null} terms_version null: no consent is asked for
 * @property {string | null} terms_url
 * @property {string | null} privacy_url
 * @property {string[]} human_check `altcha`, `picture` or both: the proofs that {@link sendSmsCode} accepts
 * @property {boolean} qq_profile
 * @property {boolean} sms_login
 *
 * @typedef {object} Proof of the human check: {@link solveHumanCheck}'s result, or a picture's text
 * @property {string} [altcha]
 * @property {string} [pictureId]
 * @property {string} [pictureText]
 */

const PENDING = 'qq_binding';
const NEXT = 'qq_login_next';
/** Parameters that QQ may add to the address; the last four when the shopper refused. */
const FROM_QQ = ['code', 'state', 'usercancel', 'error', 'error_description', 'msg'];
/** After these errors the bind token stays invalid. */
const BINDING_OVER = ['BIND_TOKEN_INVALID', 'QQ_ALREADY_BOUND', 'QQ_CONFLICT'];
/** Milliseconds; longer than the service waits for QQ. */
const TIMEOUT_MS = 20000;
/** Milliseconds. The longest that a proof of work may take. A slow phone without Web Crypto needs less. */
const SOLVE_MS = 120000;

/** The module's own sentences. All others are the API's `message`. */
const SENTENCES = {
  QQ_CANCELLED: ['你取消了QQ登录', 'You cancelled the QQ login'],
  STATE_INVALID: ['登录状态已失效，请重新使用QQ登录', 'This login has expired. Log in with QQ again'],
  BIND_TOKEN_INVALID: ['QQ登录已过期，请重新使用QQ登录', 'The QQ login has expired. Log in with QQ again'],
  NETWORK_ERROR: [
    '网络不太顺畅，请检查网络后再试',
    'The network is not working well. Check your connection and try again',
  ],
  UNAVAILABLE: ['服务暂不可用，请稍后再试', 'The service is not available now. Try again later'],
  HUMAN_CHECK_INVALID: ['人机验证未通过，请重试', 'The human check failed. Try again'],
  INTERNAL_ERROR: ['出了点问题，请稍后再试', 'Something went wrong. Try again later'],
};

/** @type {string | undefined} */
let configuredBase;
let language = '';

/**
 * Sets the API's address, for a page without `<meta name="api-base">`, and the language of its sentences.
 * @param {{ apiBase?: string, language?: 'zh-CN' | 'en' }} options
 *   `apiBase`: `https://api.shop.example`, or a path below this page's address; empty: the page's own origin.
 *   `language`: by default the one that the browser prefers
 */
export function configure(options) {
  if (options.apiBase !== undefined) {
    const base = options.apiBase.trim();
    configuredBase = base && new URL(base, document.baseURI).href.replace(/[?#].*$/, '').replace(/\/+$/, '');
  }
  if (options.language !== undefined) language = options.language;
}

/** The API's base URL, without a slash at the end. @returns {string} */
function apiBase() {
  if (configuredBase === undefined) {
    const meta = document.querySelector('meta[name="api-base"]');
    configure({ apiBase: (meta && meta.getAttribute('content')) || '' });
  }
  return configuredBase || '';
}

/** An error answer of the API, with its sentence. */
export class ApiError extends Error {
  /**
   * @param {string} errorCode a code of the API's catalogue, or `QQ_CANCELLED`, `NETWORK_ERROR`
   * @param {string} message a sentence to show
   * @param {{ status?: number, fields?: Record<string, string>, retryAfter?: number, cause?: unknown }} [details]
   */
  constructor(errorCode, message, details = {}) {
    super(message);
    this.name = 'ApiError';
    this.errorCode = errorCode;
    /** The HTTP status; 0 without an answer. */
    this.status = details.status || 0;
    /** One sentence for each invalid field, by the API's name (`sms_code`). */
    this.fields = details.fields || {};
    /** Seconds until another try makes sense, if the API gave them. */
    this.retryAfter = details.retryAfter;
    /** The underlying error, if there was one. */
    this.cause = details.cause;
  }
}

/**
 * @param {keyof typeof SENTENCES} errorCode
 * @param {ConstructorParameters<typeof ApiError>[2]} [details]
 */
function ownError(errorCode, details) {
  const [chinese, english] = SENTENCES[errorCode];
  return new ApiError(errorCode, String(language === 'en' ? english : chinese), details);
}

/**
 * Calls the API with JSON and the browser's cookie, also across origins.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, token?: string }} [options] `token`: a login token
 * @returns {Promise<any>} the answer; `undefined` for 204
 * @throws {ApiError}
 */
export async function callApi(method, path, options = {}) {
  const { body, token } = options;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(apiBase() + path, {
      method,
      credentials: 'include',
      cache: 'no-store',
      signal: timeout.signal,
      headers: {
        Accept: 'application/json',
        ...(language && { 'Accept-Language': language }),
        ...(body && { 'Content-Type': 'application/json' }),
        ...(token && { Authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw refusal(response, text);
    return text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw ownError('NETWORK_ERROR', { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Response} response
 * @param {string} text
 */
function refusal(response, text) {
  const wait = response.headers.get('Retry-After');
  const seconds = wait === null ? NaN : Number(wait);
  const details = {
    status: response.status,
    ...(isFinite(seconds) && { retryAfter: Math.max(0, Math.ceil(seconds)) }),
  };
  /** @type {{ errorCode?: string, message?: string, errors?: Record<string, string[]> }} */
  let problem;
  try {
    problem = JSON.parse(text);
  } catch (cause) {
    // Not JSON: a proxy in front of the API has answered in HTML.
    return ownError('UNAVAILABLE', { ...details, cause });
  }
  if (!problem.errorCode || !problem.message) return ownError('INTERNAL_ERROR', details);
  /** @type {Record<string, string>} */
  const fields = {};
  for (const [name, sentences] of Object.entries(problem.errors || {})) fields[name] = sentences[0] || '';
  return new ApiError(problem.errorCode, problem.message, { ...details, fields });
}

/**
 * The browser's storage, or this page's memory if that is not available: private windows and in-app browsers may
 * have none, or throw.
 * @param {'localStorage' | 'sessionStorage'} kind
 */
export function storage(kind) {
  /** Values that the browser did not store. @type {Record<string, string>} */
  const memory = Object.create(null);
  return {
    /** @param {string} key @returns {string | null} */
    get(key) {
      if (key in memory) return memory[key] || null;
      try {
        return window[kind].getItem(key);
      } catch {
        // The browser forbids access to its storage.
        return null;
      }
    },
    /** @param {string} key @param {string} value @returns {boolean} whether the next page will find it */
    set(key, value) {
      try {
        window[kind].setItem(key, value);
        delete memory[key];
        return true;
      } catch {
        // The browser forbids access to its storage, or it is full.
        memory[key] = value;
        return false;
      }
    },
    /** A value stored as JSON; null if it is not JSON. @param {string} key @returns {unknown} */
    json(key) {
      try {
        return JSON.parse(this.get(key) || 'null');
      } catch {
        // JSON.parse throws only SyntaxError: other code has written there.
        return null;
      }
    },
    /** @param {string} key */
    remove(key) {
      delete memory[key];
      try {
        window[kind].removeItem(key);
      } catch {
        // The browser forbids access to its storage, so nothing is stored there.
      }
    },
  };
}

const tab = storage('sessionStorage');

/**
 * The operator's settings for the pages: brand, terms, human check.
 * @returns {Promise<PageSettings>}
 * @throws {ApiError}
 */
export function pageSettings() {
  return callApi('GET', '/page_settings/');
}

/**
 * `value` if it is a path on this site, otherwise null. It starts with one `/`, not followed by `/` or `\`, and has no
 * control character, both as given and percent-decoded once.
 * @param {unknown} value
 * @returns {string | null}
 */
export function localPath(value) {
  if (typeof value !== 'string') return null;
  try {
    for (const form of [value, decodeURIComponent(value)])
      if (!/^\/(?![/\\])/.test(form) || /\p{Cc}/u.test(form)) return null;
  } catch {
    // decodeURIComponent throws only URIError: a percent sign that encodes nothing.
    return null;
  }
  return value;
}

/**
 * Sends this browser to QQ. Resolves when the page is about to leave, so keep the button busy.
 * @param {string} [next] a local path to return to; by default the one of this tab's last start
 * @throws {ApiError}
 */
export async function startQqLogin(next = tab.get(NEXT) || '/') {
  const path = localPath(next) || '/';
  // With LEGACY_CLIENT, the service binds a login to this browser only if `binding` asks for it.
  const query = new URLSearchParams({ next: path, binding: 'browser' });
  if (onPhone()) query.set('display', 'mobile');
  const { login_url: loginUrl } = await callApi('GET', `/oauth/qq/authorization/?${query}`);
  if (!/^https?:\/\//.test(loginUrl)) throw ownError('INTERNAL_ERROR');
  tab.set(NEXT, path);
  location.assign(loginUrl);
}

function onPhone() {
  return /Android|iPhone|iPod|Mobile/i.test(navigator.userAgent);
}

/** @type {Promise<SignedIn | NeedsBinding> | undefined} */
let finishing;

/**
 * Sends QQ's parameters in the address to the API, and removes them from the address at once. Without parameters
 * (after a reload) it continues the bind that this tab has started. Simultaneous calls share one request.
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} [location]
 * @returns {Promise<SignedIn | NeedsBinding>}
 * @throws {ApiError} `STATE_INVALID`, `QQ_CODE_INVALID`, `QQ_CANCELLED` and others: start again
 */
export function finishQqLogin(location = window.location) {
  if (!finishing) finishing = finishOnce(location);
  return finishing;
}

/**
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} location
 * @returns {Promise<SignedIn | NeedsBinding>}
 */
async function finishOnce(location) {
  try {
    return await finish(location);
  } finally {
    finishing = undefined;
  }
}

/**
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} location
 * @returns {Promise<SignedIn | NeedsBinding>}
 */
async function finish({ search, pathname, hash }) {
  const query = new URLSearchParams(search);
  const code = query.get('code');
  const state = query.get('state');
  const fromQq = FROM_QQ.some((name) => query.has(name));
  if (fromQq) {
    forgetBinding();
    for (const name of FROM_QQ) query.delete(name);
    history.replaceState(history.state, '', pathname + (String(query) && `?${query}`) + hash);
  }
  if (code && state) return handIn(code, state);
  if (fromQq && !code) throw ownError('QQ_CANCELLED');
  const pending = pendingBinding();
  if (pending) return pending;
  throw ownError('STATE_INVALID');
}

/**
 * @param {string} code
 * @param {string} state
 * @returns {Promise<SignedIn | NeedsBinding>}
 */
async function handIn(code, state) {
  const answer = await callApi('GET', `/oauth/qq/users/?${new URLSearchParams({ code, state })}`);
  const next = localPath(answer.next) || '/';
  if (answer.user_id) return { status: 'signed-in', ...signIn(answer), next };
  /** @type {NeedsBinding} */
  const pending = {
    status: 'needs-binding',
    accessToken: answer.access_token,
    next,
    expiresAt: Date.now() + answer.expires_in * 1000,
    ...(answer.nickname && { nickname: answer.nickname }),
    ...(answer.avatar && { avatar: answer.avatar }),
  };
  tab.set(PENDING, JSON.stringify(pending));
  return pending;
}

/** @param {{ token: string, user_id: number, username: string }} answer */
function signIn({ token, user_id: userId, username }) {
  return { token, userId, username };
}

/**
 * The bind that this tab has started. It survives a reload until it is used or expires.
 * @returns {NeedsBinding | null}
 */
export function pendingBinding() {
  const pending = /** @type {NeedsBinding | null} */ (tab.json(PENDING));
  if (pending && pending.expiresAt > Date.now()) return pending;
  forgetBinding();
  return null;
}

/** Drops the bind that this tab has started. */
export function forgetBinding() {
  tab.remove(PENDING);
}

/**
 * Binds the QQ to the account with this mobile, or to a new one. After a lost answer, call it again with the same
 * values: the API returns the same success.
 * @param {{ mobile: string, password: string, smsCode: string, termsVersion?: string, binding?: NeedsBinding }} request
 *   `binding` as returned by {@link finishQqLogin}; by default the one that this tab has started.
 *   `termsVersion`: {@link PageSettings}' `terms_version`, if the shopper has accepted it
 * @returns {Promise<SignedIn>}
 * @throws {ApiError}
 */
export async function bindQq({ mobile, password, smsCode, termsVersion, binding }) {
  const begun = binding || pendingBinding();
  const body = { mobile, password, sms_code: smsCode, ...(termsVersion && { terms_version: termsVersion }) };
  const answer = await withBinding(begun, (access_token) =>
    callApi('POST', '/oauth/qq/users/', { body: { ...body, access_token } }),
  );
  return { status: 'signed-in', ...signIn(answer), next: (begun && begun.next) || '/' };
}

/**
 * Adds the QQ to the account that is signed in.
 * @param {{ token: string, password?: string, smsCode: string, binding?: NeedsBinding }} request the login token,
 *   the account's password if it has one, and the SMS code of the account's own mobile
 * @returns {Promise<{ next: string }>}
 * @throws {ApiError}
 */
export async function addQq({ token, password, smsCode, binding }) {
  const begun = binding || pendingBinding();
  const body = { ...(password && { password }), sms_code: smsCode };
  await withBinding(begun, (access_token) =>
    callApi('POST', '/oauth/qq/bindings/', { token, body: { ...body, access_token } }),
  );
  return { next: (begun && begun.next) || '/' };
}

/**
 * Removes the bind token after a success, or after an error that makes it invalid.
 * @template T
 * @param {NeedsBinding | null} binding
 * @param {(accessToken: string) => Promise<T>} use
 */
async function withBinding(binding, use) {
  if (!binding) throw ownError('BIND_TOKEN_INVALID');
  try {
    const answer = await use(binding.accessToken);
    forgetBinding();
    tab.remove(NEXT);
    return answer;
  } catch (error) {
    if (error instanceof ApiError && BINDING_OVER.indexOf(error.errorCode) >= 0) forgetBinding();
    throw error;
  }
}

/**
 * A new picture to copy: `src` for an `<img>`, `id` for {@link sendSmsCode}. Any check uses it up. It is valid for
 * five minutes.
 * @returns {{ id: string, src: string }}
 */
export function requestPicture() {
  const id = uuid();
  return { id, src: `${apiBase()}/image_codes/${id}/` };
}

/** A version 4 UUID. On plain http, browsers do not offer `crypto.randomUUID`. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([(Number(bytes[6]) % 16) | 0x40], 6);
  bytes.set([(Number(bytes[8]) % 64) | 0x80], 8);
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Whether {@link solveHumanCheck} is fast in this browser: Web Crypto needs https (or localhost). Without it, the proof
 * of work takes half a minute on a phone, so show a picture if the API accepts one.
 * @returns {boolean}
 */
export function canSolveHumanCheck() {
  return Boolean(window.crypto && crypto.subtle);
}

/**
 * Passes the human check without a picture, by solving ALTCHA's proof of work. It takes a few seconds, so start it
 * while the shopper types. One solution sends one SMS.
 * @returns {Promise<string>} `altcha` for {@link sendSmsCode}
 * @throws {ApiError}
 * @see https://altcha.org/docs/v2/proof-of-work/
 */
export async function solveHumanCheck() {
  const challenge = await callApi('GET', '/human_checks/');
  const { nonce, salt, cost, keyLength = 32, keyPrefix } = challenge.parameters;
  const derive = canSolveHumanCheck() ? deriveKey : deriveKeySlowly;
  // Several at once, because the browser computes them on threads of its own.
  const lanes = Math.min(navigator.hardwareConcurrency || 2, 8);
  const started = Date.now();
  for (let first = 0; Date.now() - started < SOLVE_MS; first += lanes) {
    const counters = Array.from({ length: lanes }, (_none, lane) => first + lane);
    const keys = await Promise.all(
      counters.map(async (counter) => {
        const password = bytesOf(nonce + `0000000${counter.toString(16)}`.slice(-8));
        return hexOf(await derive(password, bytesOf(salt), cost)).slice(0, keyLength * 2);
      }),
    );
    const found = keys.findIndex((key) => key.indexOf(keyPrefix) === 0);
    if (found < 0) continue;
    const solution = { counter: first + found, derivedKey: keys[found], time: Date.now() - started };
    return btoa(JSON.stringify({ challenge, solution }));
  }
  throw ownError('HUMAN_CHECK_INVALID');
}

/**
 * PBKDF2 with HMAC-SHA-256: 32 bytes.
 * @param {Uint8Array<ArrayBuffer>} password
 * @param {Uint8Array<ArrayBuffer>} salt
 * @param {number} rounds
 */
async function deriveKey(password, salt, rounds) {
  const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
  const settings = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds };
  return new Uint8Array(await crypto.subtle.deriveBits(settings, key, 256));
}

/** When the page could last handle events. Milliseconds since 1970. */
let reacted = 0;

/**
 * {@link deriveKey} without Web Crypto, for pages on plain http (RFC 8018 §5.2, RFC 2104). The page can handle events
 * between two keys.
 * @param {Uint8Array} password at most 64 bytes
 * @param {Uint8Array} salt at most 51 bytes
 * @param {number} rounds
 */
async function deriveKeySlowly(password, salt, rounds) {
  if (Date.now() - reacted > 30) {
    await new Promise((resolve) => setTimeout(resolve));
    reacted = Date.now();
  }
  const padded = (/** @type {number} */ byte) => {
    const block = new Uint8Array(64).fill(byte);
    password.forEach((value, index) => (block[index] = value ^ byte));
    return compress(SHA256.start, wordsOf(block));
  };
  const inner = padded(0x36);
  const outer = padded(0x5c);
  const mac = (/** @type {Int32Array} */ block) => compress(outer, lastBlock(compress(inner, block)));
  const first = new Uint8Array(64);
  first.set(salt);
  first.set([0, 0, 0, 1, 0x80], salt.length);
  const firstBlock = wordsOf(first);
  firstBlock[15] = (64 + salt.length + 4) * 8;
  let last = mac(firstBlock);
  const key = last.slice();
  for (let round = 1; round < rounds; round += 1) {
    last = mac(lastBlock(last));
    for (let word = 0; word < 8; word += 1) key[word] = Number(key[word]) ^ Number(last[word]);
  }
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  key.forEach((word, index) => view.setInt32(index * 4, word));
  return bytes;
}

/** The second block of a message of 64 bytes and this hash. @param {Int32Array} hash */
function lastBlock(hash) {
  const block = new Int32Array(16);
  block.set(hash);
  block[8] = 0x80000000;
  block[15] = (64 + 32) * 8;
  return block;
}

/** @param {Uint8Array} block 64 bytes */
function wordsOf(block) {
  const view = new DataView(block.buffer);
  return Int32Array.from({ length: 16 }, (_none, index) => view.getInt32(index * 4));
}

/** SHA-256's constants: the first 32 bits of the fractions of roots of the first primes (FIPS 180-4 §4.2.2, §5.3.3). */
const SHA256 = sha256Constants();

function sha256Constants() {
  /** @type {number[]} */
  const primes = [];
  for (let number = 2; primes.length < 64; number += 1)
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  const fraction = (/** @type {number} */ root) => ((root % 1) * 0x100000000) | 0;
  return {
    start: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    rounds: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  };
}

/** Overwritten by each call of {@link compress}. */
const SCHEDULE = new Int32Array(64);

/**
 * SHA-256's compression function (FIPS 180-4 §6.2.2).
 * @param {Int32Array} state eight words
 * @param {Int32Array} block sixteen words
 */
function compress(state, block) {
  const w = /** @type {any} */ (SCHEDULE);
  w.set(block);
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  const k = /** @type {any} */ (SHA256.rounds);
  let [a, b, c, d, e, f, g, h] = /** @type {any} */ (state);
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const sum = (h + s1 + ((e & f) ^ (~e & g)) + k[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + sum) | 0;
    d = c;
    c = b;
    b = a;
    a = (sum + s0 + majority) | 0;
  }
  const sums = [a, b, c, d, e, f, g, h];
  const next = new Int32Array(8);
  for (let word = 0; word < 8; word += 1) next[word] = sums[word] + Number(state[word]);
  return next;
}

/** @param {string} hex */
function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) || [], (byte) => parseInt(byte, 16));
}

/** @param {Uint8Array} bytes */
function hexOf(bytes) {
  return Array.from(bytes, (byte) => `0${byte.toString(16)}`.slice(-2)).join('');
}

/**
 * Sends a six-digit code to `mobile`; with a login token and no mobile, to the account's own.
 * @param {{ mobile?: string, token?: string } & Proof} request `altcha`, or `pictureId` and `pictureText`
 * @returns {Promise<{ message: string, expiresIn: number, resendAfter: number }>} seconds
 * @throws {ApiError}
 */
export async function sendSmsCode({ mobile, token, altcha, pictureId, pictureText }) {
  const proof = altcha ? { altcha } : { image_code_id: pictureId, image_code: pictureText };
  const answer = await callApi('POST', '/sms_codes/', {
    token: mobile ? undefined : token,
    body: { ...(mobile && { mobile }), ...proof },
  });
  return { message: answer.message, expiresIn: answer.expires_in, resendAfter: answer.resend_after };
}
