/**
 * Sets the API's address, for a page without `<meta name="api-base">`, and the language of its sentences.
 * @param {{ apiBase?: string, language?: 'zh-CN' | 'en' }} options
 *   `apiBase`: `https://api.shop.example`, or a path below this page's address; empty: the page's own origin.
 *   `language`: by default the one that the browser prefers
 */
export function configure(options: { apiBase?: string; language?: 'zh-CN' | 'en' }): void;
/**
 * Calls the API with JSON and the browser's cookie, also across origins.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, token?: string }} [options] `token`: a login token
 * @returns {Promise<any>} the answer; `undefined` for 204
 * @throws {ApiError}
 */
export function callApi(
  method: string,
  path: string,
  options?: {
    body?: object;
    token?: string;
  },
): Promise<any>;
/**
 * The browser's storage, or this page's memory if that is not available: private windows and in-app browsers may
 * have none, or throw.
 * @param {'localStorage' | 'sessionStorage'} kind
 */
export function storage(kind: 'localStorage' | 'sessionStorage'): {
  /** @param {string} key @returns {string | null} */
  get(key: string): string | null;
  /** @param {string} key @param {string} value @returns {boolean} whether the next page will find it */
  set(key: string, value: string): boolean;
  /** A value stored as JSON; null if it is not JSON. @param {string} key @returns {unknown} */
  json(key: string): unknown;
  /** @param {string} key */
  remove(key: string): void;
};
/**
 * The operator's settings for the pages: brand, terms, human check.
 * @returns {Promise<PageSettings>}
 * @throws {ApiError}
 */
export function pageSettings(): Promise<PageSettings>;
/**
 * `value` if it is a path on this site, otherwise null. It starts with one `/`, not followed by `/` or `\`, and has no
 * control character, both as given and percent-decoded once.
 * @param {unknown} value
 * @returns {string | null}
 */
export function localPath(value: unknown): string | null;
/**
 * Sends this browser to QQ. Resolves when the page is about to leave, so keep the button busy.
 * @param {string} [next] a local path to return to; by default the one of this tab's last start
 * @throws {ApiError}
 */
export function startQqLogin(next?: string): Promise<void>;
/**
 * Sends QQ's parameters in the address to the API, and removes them from the address at once. Without parameters
 * (after a reload) it continues the bind that this tab has started. Simultaneous calls share one request.
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} [location]
 * @returns {Promise<SignedIn | NeedsBinding>}
 * @throws {ApiError} `STATE_INVALID`, `QQ_CODE_INVALID`, `QQ_CANCELLED` and others: start again
 */
export function finishQqLogin(
  location?: Pick<Location, 'search' | 'pathname' | 'hash'>,
): Promise<SignedIn | NeedsBinding>;
/**
 * The bind that this tab has started. It survives a reload until it is used or expires.
 * @returns {NeedsBinding | null}
 */
export function pendingBinding(): NeedsBinding | null;
/** Drops the bind that this tab has started. */
export function forgetBinding(): void;
/**
 * Binds the QQ to the account with this mobile, or to a new one. After a lost answer, call it again with the same
 * values: the API returns the same success.
 * @param {{ mobile: string, password: string, smsCode: string, termsVersion?: string, binding?: NeedsBinding }} request
 *   `binding` as returned by {@link finishQqLogin}; by default the one that this tab has started.
 *   `termsVersion`: {@link PageSettings}' `terms_version`, if the shopper has accepted it
 * @returns {Promise<SignedIn>}
 * @throws {ApiError}
 */
export function bindQq({
  mobile,
  password,
  smsCode,
  termsVersion,
  binding,
}: {
  mobile: string;
  password: string;
  smsCode: string;
  termsVersion?: string;
  binding?: NeedsBinding;
}): Promise<SignedIn>;
/**
 * Adds the QQ to the account that is signed in.
 * @param {{ token: string, password?: string, smsCode: string, binding?: NeedsBinding }} request the login token,
 *   the account's password if it has one, and the SMS code of the account's own mobile
 * @returns {Promise<{ next: string }>}
 * @throws {ApiError}
 */
export function addQq({
  token,
  password,
  smsCode,
  binding,
}: {
  token: string;
  password?: string;
  smsCode: string;
  binding?: NeedsBinding;
}): Promise<{
  next: string;
}>;
/**
 * A new picture to copy: `src` for an `<img>`, `id` for {@link sendSmsCode}. Any check uses it up. It is valid for
 * five minutes.
 * @returns {{ id: string, src: string }}
 */
export function requestPicture(): {
  id: string;
  src: string;
};
/**
 * Whether {@link solveHumanCheck} is fast in this browser: Web Crypto needs https (or localhost). Without it, the proof
 * of work takes half a minute on a phone, so show a picture if the API accepts one.
 * @returns {boolean}
 */
export function canSolveHumanCheck(): boolean;
/**
 * Passes the human check without a picture, by solving ALTCHA's proof of work. It takes a few seconds, so start it
 * while the shopper types. One solution sends one SMS.
 * @returns {Promise<string>} `altcha` for {@link sendSmsCode}
 * @throws {ApiError}
 * @see https://altcha.org/docs/v2/proof-of-work/
 */
export function solveHumanCheck(): Promise<string>;
/**
 * Sends a six-digit code to `mobile`; with a login token and no mobile, to the account's own.
 * @param {{ mobile?: string, token?: string } & Proof} request `altcha`, or `pictureId` and `pictureText`
 * @returns {Promise<{ message: string, expiresIn: number, resendAfter: number }>} seconds
 * @throws {ApiError}
 */
export function sendSmsCode({
  mobile,
  token,
  altcha,
  pictureId,
  pictureText,
}: {
  mobile?: string;
  token?: string;
} & Proof): Promise<{
  message: string;
  expiresIn: number;
  resendAfter: number;
}>;
/** An error answer of the API, with its sentence. */
export class ApiError extends Error {
  /**
   * @param {string} errorCode a code of the API's catalogue, or `QQ_CANCELLED`, `NETWORK_ERROR`
   * @param {string} message a sentence to show
   * @param {{ status?: number, fields?: Record<string, string>, retryAfter?: number, cause?: unknown }} [details]
   */
  constructor(
    errorCode: string,
    message: string,
    details?: {
      status?: number;
      fields?: Record<string, string>;
      retryAfter?: number;
      cause?: unknown;
    },
  );
  errorCode: string;
  /** The HTTP status; 0 without an answer. */
  status: number;
  /** One sentence for each invalid field, by the API's name (`sms_code`). */
  fields: Record<string, string>;
  /** Seconds until another try makes sense, if the API gave them. */
  retryAfter: number | undefined;
  /** The underlying error, if there was one. */
  cause: unknown;
}
export type SignedIn = {
  status: 'signed-in';
  token: string;
  userId: number;
  username: string;
  next: string;
};
export type NeedsBinding = {
  status: 'needs-binding';
  /**
   * for {@link bindQq} or {@link addQq}
   */
  accessToken: string;
  /**
   * a local path
   */
  next: string;
  /**
   * milliseconds since 1970, like `Date.now()`
   */
  expiresAt: number;
  /**
   * of the QQ, if the service asks QQ for it (`QQ_PROFILE`)
   */
  nickname?: string | undefined;
  /**
   * an https URL
   */
  avatar?: string | undefined;
};
/**
 * the operator's settings for the pages
 */
export type PageSettings = {
  brand: string;
  logo_url: string | null;
  /**
   * the 备案号
   */
  icp: string | null;
  support_url: string | null;
  /**
   * null: no consent is asked for
   */
  terms_version: string | null;
  terms_url: string | null;
  privacy_url: string | null;
  /**
   * `altcha`, `picture` or both: the proofs that {@link sendSmsCode} accepts
   */
  human_check: string[];
  qq_profile: boolean;
  sms_login: boolean;
};
/**
 * of the human check: {@link solveHumanCheck}'s result, or a picture's text
 */
export type Proof = {
  altcha?: string | undefined;
  pictureId?: string | undefined;
  pictureText?: string | undefined;
};
