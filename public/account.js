/** The account behind a login token: log in, register, who am I, bound QQs, password, events, log out. */

import { callApi } from './qq-login.js';

/**
 * @typedef {{ token: string, userId: number, username: string }} SignIn
 * @typedef {{ id: number, username: string, mobile: string, email: string, email_active: boolean }} Account
 * @typedef {{ id: number, bound_at: string, last_login_at: string | null, openid_hint: string }} Binding
 * @typedef {{ id: number, at: string, event: string, via: string | null, ip: string | null, user_agent: string | null }} AccountEvent
 */

/**
 * Keeps a sign-in under the shop's keys, where its other pages look for it.
 * @param {SignIn} signIn
 */
export function keepSignIn({ token, userId, username }) {
  localStorage.setItem('token', token);
  localStorage.setItem('user_id', String(userId));
  localStorage.setItem('username', username);
}

/**
 * The sign-in that this browser keeps.
 * @returns {SignIn | null}
 */
export function keptSignIn() {
  const token = localStorage.getItem('token');
  const username = localStorage.getItem('username');
  return (
    (token && { token, userId: Number(localStorage.getItem('user_id')), username: username ?? '' }) || null
  );
}

/** Forgets the sign-in in this browser; {@link logOut} also ends it at the API. */
export function dropSignIn() {
  for (const key of ['token', 'user_id', 'username']) localStorage.removeItem(key);
}

/** The token goes with every call below; without one the API answers `LOGIN_REQUIRED`. */
const signedIn = () => ({ token: keptSignIn()?.token ?? '' });

/**
 * @param {{ username: string, password: string }} credentials a username or a mobile
 * @returns {Promise<SignIn>}
 */
export async function logIn(credentials) {
  const answer = await callApi('POST', '/authorizations/', { body: credentials });
  return { token: answer.token, userId: answer.user_id, username: answer.username };
}

/**
 * @param {{ username: string, password: string, mobile: string, smsCode: string }} newcomer
 * @returns {Promise<SignIn>}
 */
export async function register({ smsCode, ...newcomer }) {
  const answer = await callApi('POST', '/users/', { body: { ...newcomer, sms_code: smsCode } });
  return { token: answer.token, userId: answer.id, username: answer.username };
}

/**
 * Sets a new password by SMS; the same answer with or without an account.
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
 * @param {{ limit?: number, before?: number }} [page] `before`: the id of the last one seen
 * @returns {Promise<AccountEvent[]>} newest first
 */
export function listEvents({ limit = 10, before } = {}) {
  const query = new URLSearchParams({ limit: String(limit), ...(before && { before: String(before) }) });
  return callApi('GET', `/user/events/?${query}`, signedIn());
}

/** Ends this sign-in at the API; the browser forgets it whatever the API says. */
export async function logOut() {
  const { token } = signedIn();
  dropSignIn();
  await callApi('DELETE', '/authorizations/', { token });
}

/** Ends every sign-in of the account, this one included. */
export async function logOutEverywhere() {
  await callApi('DELETE', '/authorizations/all/', signedIn());
  dropSignIn();
}
