/**
 * Says where the API is, for a page without `<meta name="api-base">`, and which language its sentences have.
 * @param {{ apiBase?: string, language?: 'zh-CN' | 'en' }} options
 *   `apiBase`: `https://api.shop.example`, or a path below this page's address; empty: the page's own origin.
 *   `language`: by default what the browser prefers
 */
export function configure(options: { apiBase?: string; language?: 'zh-CN' | 'en' }): void;
/**
 * One call to the API: JSON both ways, with the browser cookie, across origins too.
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
 * The browser's storage where it lets us, else this page's memory: private windows and in-app browsers may have
 * none, or throw.
 * @param {'localStorage' | 'sessionStorage'} kind
 */
export function storage(kind: 'localStorage' | 'sessionStorage'): {
  /** @param {string} key @returns {string | null} */
  get(key: string): string | null;
  /** @param {string} key @param {string} value @returns {boolean} whether the next page will find it */
  set(key: string, value: string): boolean;
  /** What was kept as JSON; null for what is none. @param {string} key @returns {any} */
  json(key: string): any;
  /** @param {string} key */
  remove(key: string): void;
};
/**
 * What the operator has set for the pages: brand, terms, which human check.
 * @returns {Promise<PageSettings>}
 * @throws {ApiError}
 */
export function pageSettings(): Promise<PageSettings>;
/**
 * `value` if it is a path on this site, else null: one `/`, then neither `/` nor `\`, and no control character,
 * as given and percent-decoded once.
 * @param {unknown} value
 * @returns {string | null}
 */
export function localPath(value: unknown): string | null;
/**
 * Sends this browser to QQ. Resolves when the page is about to leave, so leave the button busy.
 * @param {string} [next] a local path to come back to; by default where the last start of this tab wanted to go
 * @throws {ApiError}
 */
export function startQqLogin(next?: string): Promise<void>;
/**
 * Hands in what QQ left in the address bar and clears it from there at once; without it, takes up the binding
 * that this tab has begun (a reload). Two calls at the same time are one.
 * @param {Pick<Location, 'search' | 'pathname' | 'hash'>} [location]
 * @returns {Promise<SignedIn | NeedsBinding>}
 * @throws {ApiError} `STATE_INVALID`, `QQ_CODE_INVALID`, `QQ_CANCELLED` and the rest: start again
 */
export function finishQqLogin(
  location?: Pick<Location, 'search' | 'pathname' | 'hash'>,
): Promise<SignedIn | NeedsBinding>;
/**
 * The binding that this tab has begun: it survives a reload until it is used or expires.
 * @returns {NeedsBinding | null}
 */
export function pendingBinding(): NeedsBinding | null;
/** Drops the binding that this tab has begun. */
export function forgetBinding(): void;
/**
 * Binds the QQ to the account with this mobile, or to a new one. After a lost answer, call it again with the
 * same words: the API gives the same success.
 * @param {{ mobile: string, password: string, smsCode: string, termsVersion?: string, binding?: NeedsBinding }} request
 *   `binding` as {@link finishQqLogin} gave it; by default the one that this tab has begun.
 *   `termsVersion`: {@link PageSettings}' `terms_version`, when the person has agreed to it
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
 *   the account's password where it has one, and the SMS code of the account's own mobile
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
 * A fresh picture to copy: `src` for an `<img>`, `id` for {@link sendSmsCode}. Any check uses it up; it lives
 * five minutes.
 * @returns {{ id: string, src: string }}
 */
export function requestPicture(): {
  id: string;
  src: string;
};
/**
 * Whether this browser can do {@link solveHumanCheck}: Web Crypto needs https (or localhost).
 * @returns {boolean}
 */
export function canSolveHumanCheck(): boolean;
/**
 * Shows that a person asks, without a picture: solves ALTCHA's proof of work. Takes a second or a few, off the
 * main thread; start it while the person types. One solution sends one SMS.
 * @returns {Promise<string>} `altcha` for {@link sendSmsCode}
 * @throws {ApiError}
 * @see https://altcha.org/docs/v2/proof-of-work/
 */
export function solveHumanCheck(): Promise<string>;
/**
 * Sends a six-digit code to a phone: to `mobile`, or with a login token and no mobile to the account's own.
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
/** What the API refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {string} errorCode a word of the API's catalogue, or `QQ_CANCELLED`, `NETWORK_ERROR`
   * @param {string} message a sentence for the person
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
  /** The HTTP status; 0 when no answer came. */
  status: number;
  /** One sentence for each field that does not fit, under the API's names (`sms_code`). */
  fields: Record<string, string>;
  /** Seconds until another try makes sense, where the API said so. */
  retryAfter: number | undefined;
  /** What was thrown before, where something was. */
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
   * of the QQ, where the service asks QQ for it (`QQ_PROFILE`)
   */
  nickname?: string | undefined;
  /**
   * an https URL
   */
  avatar?: string | undefined;
};
/**
 * what the operator has set for the pages
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
   * null: nobody is asked to agree to anything
   */
  terms_version: string | null;
  terms_url: string | null;
  privacy_url: string | null;
  /**
   * `altcha`, `picture` or both: what {@link sendSmsCode} takes
   */
  human_check: string[];
  qq_profile: boolean;
  sms_login: boolean;
};
/**
 * that a person asks: {@link solveHumanCheck}'s answer, or a picture's text
 */
export type Proof = {
  altcha?: string | undefined;
  pictureId?: string | undefined;
  pictureText?: string | undefined;
};
