/**
 * QQ login for any front end: start it, finish it, bind. No dependency and no markup; docs/spa.md shows it in
 * Vue, React and a plain page.
 */

/**
 * @typedef {{ status: 'signed-in', token: string, userId: number, username: string, next: string }} SignedIn
 * @typedef {{ status: 'needs-binding', accessToken: string, next: string, expiresAt: number }} NeedsBinding
 *   `expiresAt` in milliseconds since 1970, like `Date.now()`.
 */

const PENDING = 'qq_binding';
const NEXT = 'qq_login_next';
/** What QQ may leave in the address bar; the last four when the person said no. */
const FROM_QQ = ['code', 'state', 'usercancel', 'error', 'error_description', 'msg'];
/** After these the bind token will never be good again. */
const BINDING_OVER = ['BIND_TOKEN_INVALID', 'QQ_ALREADY_BOUND', 'QQ_CONFLICT'];
/** Longer than the service waits for QQ. */
const TIMEOUT_MS = 20_000;

/** @type {string | undefined} */
let configuredBase;

/**
 * Says where the API is, for a page without `<meta name="api-base">`.
 * @param {{ apiBase: string }} options `https://api.shop.example`; empty: the page's own origin
 */
export function configure({ apiBase }) {
  configuredBase = apiBase.trim().replace(/\/+$/, '');
}

/** The API's base URL, without a slash at the end. */
function apiBase() {
  if (configuredBase === undefined) {
    const meta = document.querySelector('meta[name="api-base"]');
    configure({ apiBase: meta?.getAttribute('content') ?? '' });
  }
  return configuredBase ?? '';
}

/** What the API refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {string} errorCode a word of the API's catalogue, or `QQ_CANCELLED`, `NETWORK_ERROR`
   * @param {string} message a sentence for the person
   * @param {{ status?: number, fields?: Record<string, string>, retryAfter?: number, cause?: unknown }} [details]
   */
  constructor(errorCode, message, { status = 0, fields = {}, retryAfter, cause } = {}) {
    super(message, { cause });
    this.name = 'ApiError';
    this.errorCode = errorCode;
    /** The HTTP status; 0 when no answer came. */
    this.status = status;
    /** One sentence for each field that does not fit, under the API's names (`sms_code`). */
    this.fields = fields;
    /** Seconds until another try makes sense, where the API said so. */
    this.retryAfter = retryAfter;
  }
}

/**
 * One call to the API: JSON both ways, with the browser cookie, across origins too.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, token?: string }} [options]
 * @returns {Promise<any>} the answer; `undefined` for 204
 * @throws {ApiError}
 */
export async function callApi(method, path, { body, token } = {}) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(apiBase() + path, {
      method,
      credentials: 'include',
      cache: 'no-store',
      signal: patience.signal,
      headers: {
        Accept: 'application/json',
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
    throw new ApiError('NETWORK_ERROR', '网络不太顺畅，请检查网络后再试', { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Response} response
 * @param {string} text
 */
function refusal(response, text) {
  const seconds = Number(response.headers.get('Retry-After') ?? 'none');
  const details = {
    status: response.status,
    ...(Number.isFinite(seconds) && { retryAfter: Math.max(0, Math.ceil(seconds)) }),
  };
  /** @type {{ errorCode?: string, message?: string, errors?: Record<string, string[]> }} */
  let problem;
  try {
    problem = JSON.parse(text);
  } catch (cause) {
    // A proxy in front of the API answers in HTML.
    return new ApiError('UNAVAILABLE', '服务暂不可用，请稍后再试', { ...details, cause });
  }
  const fields = Object.fromEntries(
    Object.entries(problem.errors ?? {}).map(([name, sentences]) => [name, sentences[0] ?? '']),
  );
  return new ApiError(problem.errorCode ?? 'INTERNAL_ERROR', problem.message ?? '出了点问题，请稍后再试', {
    ...details,
    fields,
  });
}

/**
 * `value` if it is a path on this site, else null: one `/`, then neither `/` nor `\`, and no control character,
 * as given and percent-decoded once.
 * @param {unknown} value
 * @returns {string | null}
 */
export function localPath(value) {
  if (typeof value !== 'string') return null;
  try {
    for (const form of [value, decodeURIComponent(value)])
      if (!/^\/(?![/\\])/.test(form) || /\p{Cc}/u.test(form)) return null;
  } catch {
    // A percent sign that encodes nothing: no path of ours.
    return null;
  }
  return value;
}

/**
 * Sends this browser to QQ. Resolves when the page is about to leave, so leave the button busy.
 * @param {string} [next] a local path to come back to; by default where the last start of this tab wanted to go
 * @throws {ApiError}
 */
export async function startQqLogin(next = sessionStorage.getItem(NEXT) ?? '/') {
  const path = localPath(next) ?? '/';
  const query = new URLSearchParams({ next: path, ...(onPhone() && { display: 'mobile' }) });
  const { login_url: loginUrl } = await callApi('GET', `/oauth/qq/authorization/?${query}`);
  if (!/^https?:\/\//.test(loginUrl)) throw new ApiError('INTERNAL_ERROR', '出了点问题，请稍后再试');
  sessionStorage.setItem(NEXT, path);
  location.assign(loginUrl);
}

function onPhone() {
  return /Android|iPhone|iPod|Mobile/i.test(navigator.userAgent);
}

/** @type {Promise<SignedIn | NeedsBinding> | undefined} */
let finishing;

/**
 * Hands in what QQ left in the address bar and clears it from there at once; without it, takes up the binding
 * that this tab has begun (a reload). Two calls at the same time are one: the code works once.
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} [location]
 * @returns {Promise<SignedIn | NeedsBinding>}
 * @throws {ApiError} `STATE_INVALID`, `QQ_CODE_INVALID`, `QQ_CANCELLED` and the rest: start again
 */
export function finishQqLogin(location = window.location) {
  finishing ??= finish(location).finally(() => (finishing = undefined));
  return finishing;
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
  if (fromQq && !code) throw new ApiError('QQ_CANCELLED', '你取消了QQ登录');
  const pending = pendingBinding();
  if (pending) return pending;
  throw new ApiError('STATE_INVALID', '登录状态已失效，请重新使用QQ登录');
}

/**
 * @param {string} code
 * @param {string} state
 * @returns {Promise<SignedIn | NeedsBinding>}
 */
async function handIn(code, state) {
  const answer = await callApi('GET', `/oauth/qq/users/?${new URLSearchParams({ code, state })}`);
  const next = localPath(answer.next) ?? '/';
  if (answer.user_id) return { status: 'signed-in', ...signIn(answer), next };
  /** @type {NeedsBinding} */
  const pending = {
    status: 'needs-binding',
    accessToken: answer.access_token,
    next,
    expiresAt: Date.now() + answer.expires_in * 1000,
  };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  return pending;
}

/** @param {{ token: string, user_id: number, username: string }} answer */
function signIn({ token, user_id: userId, username }) {
  return { token, userId, username };
}

/**
 * The binding that this tab has begun: it survives a reload until it is used or expires.
 * @returns {NeedsBinding | null}
 */
export function pendingBinding() {
  const kept = sessionStorage.getItem(PENDING);
  /** @type {NeedsBinding | null} */
  const pending = kept && JSON.parse(kept);
  if (pending && pending.expiresAt > Date.now()) return pending;
  forgetBinding();
  return null;
}

/** Drops the binding that this tab has begun. */
export function forgetBinding() {
  sessionStorage.removeItem(PENDING);
}

/**
 * Binds the QQ to the account with this mobile, or to a new one. After a lost answer, call it again with the
 * same words: the API gives the same success.
 * @param {{ mobile: string, password: string, smsCode: string, binding?: NeedsBinding }} request
 *   `binding` as {@link finishQqLogin} gave it; by default the one that this tab has begun
 * @returns {Promise<SignedIn>}
 * @throws {ApiError}
 */
export async function bindQq({ mobile, password, smsCode, binding }) {
  const begun = binding ?? pendingBinding();
  const body = { mobile, password, sms_code: smsCode };
  const answer = await withBinding(begun, (access_token) =>
    callApi('POST', '/oauth/qq/users/', { body: { ...body, access_token } }),
  );
  return { status: 'signed-in', ...signIn(answer), next: begun?.next ?? '/' };
}

/**
 * Adds the QQ to the account that is signed in.
 * @param {{ token: string, password: string, binding?: NeedsBinding }} request the account's login token and password
 * @returns {Promise<{ next: string }>}
 * @throws {ApiError}
 */
export async function addQq({ token, password, binding }) {
  const begun = binding ?? pendingBinding();
  await withBinding(begun, (access_token) =>
    callApi('POST', '/oauth/qq/bindings/', { token, body: { access_token, password } }),
  );
  return { next: begun?.next ?? '/' };
}

/**
 * The bind token is forgotten when it is used up, by success or for good.
 * @template T
 * @param {NeedsBinding | null} binding
 * @param {(accessToken: string) => Promise<T>} use
 */
async function withBinding(binding, use) {
  if (!binding) throw new ApiError('BIND_TOKEN_INVALID', 'QQ登录已过期，请重新使用QQ登录');
  try {
    const answer = await use(binding.accessToken);
    forgetBinding();
    sessionStorage.removeItem(NEXT);
    return answer;
  } catch (error) {
    if (error instanceof ApiError && BINDING_OVER.includes(error.errorCode)) forgetBinding();
    throw error;
  }
}

/**
 * A fresh picture to copy: `src` for an `<img>`, `id` for {@link sendSmsCode}. Any check uses it up; it lives
 * five minutes.
 * @returns {{ id: string, src: string }}
 */
export function requestPicture() {
  const id = uuid();
  return { id, src: `${apiBase()}/image_codes/${id}/` };
}

/** A version 4 UUID, also on plain http, where browsers hide `crypto.randomUUID`. */
function uuid() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([((bytes[6] ?? 0) % 16) | 0x40], 6);
  bytes.set([((bytes[8] ?? 0) % 64) | 0x80], 8);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Sends a six-digit code to a phone.
 * @param {{ mobile: string, pictureId: string, pictureText: string }} request
 * @returns {Promise<{ message: string, expiresIn: number, resendAfter: number }>} seconds
 * @throws {ApiError}
 */
export async function sendSmsCode({ mobile, pictureId, pictureText }) {
  const body = { mobile, image_code_id: pictureId, image_code: pictureText };
  const answer = await callApi('POST', '/sms_codes/', { body });
  return { message: answer.message, expiresIn: answer.expires_in, resendAfter: answer.resend_after };
}
