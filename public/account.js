/** The account behind a login token: log in, register, who am I, QQs, mobile, password, events, log out, close. */

import { ApiError, callApi, storage } from './qq-login.js';

/**
 * @typedef {{ token: string, userId: number, username: string }} SignIn
 * @typedef {object} Account
 * @property {number} id
 * @property {string} username
 * @property {string} mobile masked
 * @property {string} email
 * @property {boolean} email_active
 *
 * @typedef {{ id: number, bound_at: string, last_login_at: string | null, nickname?: string | null }} Binding
 * @typedef {{ id: number, at: string, event: string, via: string | null, ip: string | null, user_agent: string | null }} AccountEvent
 */

const kept = storage('localStorage');

/**
 * Stores a sign-in under the shop's keys, where its other pages read it.
 * @param {SignIn} signIn
 * @returns {boolean} false if the browser stores nothing, so that the next page does not find it
 */
export function keepSignIn({ token, userId, username }) {
  kept.set('user_id', String(userId));
  kept.set('username', username);
  return kept.set('token', token);
}

/**
 * The sign-in that this browser has stored.
 * @returns {SignIn | null}
 */
export function keptSignIn() {
  const token = kept.get('token');
  if (!token) return null;
  return { token, userId: Number(kept.get('user_id')), username: kept.get('username') || '' };
}

/**
 * Runs `work` when the stored sign-in may have changed without this page: another tab has changed it, or the browser
 * shows the page again from its back/forward cache.
 * @param {() => void} work
 */
export function onSignInChange(work) {
  addEventListener('storage', work);
  addEventListener('pageshow', ({ persisted }) => persisted && work());
}

/** Removes the sign-in from this browser. {@link logOut} also ends it at the API. */
export function dropSignIn() {
  for (const key of ['token', 'user_id', 'username']) kept.remove(key);
}

/** Adds the token to every call below. Without one the API answers `LOGIN_REQUIRED`. */
const signedIn = () => {
  const signIn = keptSignIn();
  return { token: signIn ? signIn.token : '' };
};

/**
 * @param {{ username: string, password: string }} credentials a username or a mobile
 * @returns {Promise<SignIn>}
 */
export async function logIn(credentials) {
  return signInOf(await callApi('POST', '/authorizations/', { body: credentials }));
}

/**
 * Logs in by SMS. A mobile without an account gets one, without a password.
 * @param {{ mobile: string, smsCode: string, termsVersion?: string }} request
 * @returns {Promise<SignIn>}
 */
export async function logInBySms({ mobile, smsCode, termsVersion }) {
  const body = { mobile, sms_code: smsCode, ...agreed(termsVersion) };
  return signInOf(await callApi('POST', '/authorizations/sms/', { body }));
}

/**
 * @param {{ username: string, password: string, mobile: string, smsCode: string, termsVersion?: string }} newcomer
 * @returns {Promise<SignIn>}
 */
export async function register({ username, password, mobile, smsCode, termsVersion }) {
  const body = { username, password, mobile, sms_code: smsCode, ...agreed(termsVersion) };
  const answer = await callApi('POST', '/users/', { body });
  return { token: answer.token, userId: answer.id, username: answer.username };
}

/** @param {string} [version] */
const agreed = (version) => (version ? { terms_version: version } : {});

/** @param {{ token: string, user_id: number, username: string }} answer @returns {SignIn} */
const signInOf = (answer) => ({ token: answer.token, userId: answer.user_id, username: answer.username });

/**
 * Sets a new password by SMS. The answer is the same with or without an account.
 * @param {{ mobile: string, smsCode: string, password: string }} request
 * @returns {Promise<{ message: string }>}
 */
export function resetPassword({ mobile, smsCode, password }) {
  return callApi('POST', '/user/password/', { body: { mobile, sms_code: smsCode, password } });
}

/** @returns {Promise<Account>} */
export function whoAmI() {
  return callApi('GET', '/user/', signedIn());
}

/** @returns {Promise<Binding[]>} */
export function listBindings() {
  return callApi('GET', '/oauth/qq/bindings/', signedIn());
}

/**
 * @param {number} id
 * @param {string} password the account's
 */
export async function unbindQq(id, password) {
  await callApi('DELETE', `/oauth/qq/bindings/${id}/`, { ...signedIn(), body: { password } });
}

/**
 * @param {{ oldPassword: string, newPassword: string }} passwords
 * @returns {Promise<{ message: string }>}
 */
export function changePassword({ oldPassword, newPassword }) {
  const body = { old_password: oldPassword, new_password: newPassword };
  return callApi('PUT', '/user/password/', { ...signedIn(), body });
}

/**
 * @param {{ password?: string, mobile: string, smsCode: string }} change the code was sent to the new mobile
 * @returns {Promise<{ message: string }>}
 */
export function changeMobile({ password, mobile, smsCode }) {
  const body = { ...(password && { password }), mobile, sms_code: smsCode };
  return callApi('PUT', '/user/mobile/', { ...signedIn(), body });
}

/**
 * Closes the account for good (注销).
 * @param {{ password?: string, smsCode: string }} proofs the code was sent to the account's own mobile
 */
export async function closeAccount({ password, smsCode }) {
  const body = { ...(password && { password }), sms_code: smsCode };
  await callApi('DELETE', '/user/', { ...signedIn(), body });
  dropSignIn();
}

/**
 * @param {{ limit?: number, before?: number }} [page] `before`: the last id of the previous page
 * @returns {Promise<AccountEvent[]>} newest first
 */
export function listEvents({ limit = 10, before } = {}) {
  const query = new URLSearchParams({ limit: String(limit), ...(before && { before: String(before) }) });
  return callApi('GET', `/user/events/?${query}`, signedIn());
}

/** Ends this sign-in at the API. The browser removes it after that, not before. */
export const logOut = () => end('/authorizations/');

/** Ends every sign-in of the account, including this one. */
export const logOutEverywhere = () => end('/authorizations/all/');

/** @param {string} path */
async function end(path) {
  try {
    await callApi('DELETE', path, signedIn());
  } catch (error) {
    // LOGIN_REQUIRED: it has ended already.
    if (!(error instanceof ApiError) || error.errorCode !== 'LOGIN_REQUIRED') throw error;
  }
  dropSignIn();
}
