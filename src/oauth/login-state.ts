import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { pooledRandomBytes } from '../common/random-bytes.js';
import { isLocalPath } from './local-path.js';

/** Seconds from pressing "QQ登录" to the callback. */
export const LOGIN_TTL = 600;

/** A login that has returned to the browser that started it. */
export interface ReturnedLogin {
  /** Identifies the login: random and never used twice. */
  readonly nonce: string;
  readonly next: string;
  /** The browser's cookie; undefined for a page of the old shop. */
  readonly browser: string | undefined;
  /** Seconds until the state expires. */
  readonly secondsLeft: number;
}

/**
 * The `state` of a QQ login (RFC 9700 §4.7): `<nonce>.<expiry>.<next>.<signature>` in base64url, at most 500 bytes. The
 * signature also covers the browser's cookie, which the state does not contain: only the browser that started a login
 * can finish it. {@link CallbackOutcomes} makes it single-use.
 */
@Injectable()
export class LoginState {
  /** The first key signs. States of the previous secret's key are still accepted. */
  private readonly keys: Buffer[];
  /** Whether the old shop's pages are served: their state is `next` itself. */
  private readonly takesBarePaths: boolean;

  constructor(config: Config) {
    this.keys = config.keysFor('login state');
    this.takesBarePaths = config.LEGACY_CLIENT;
  }

  /**
   * A state for a new login. Without a browser cookie (old shop's pages) it is `next` itself.
   * @throws Problem NEXT_INVALID unless `next` is a local path
   */
  issue(next: string, browser: string | undefined): string {
    if (!isLocalPath(next)) throw new Problem('NEXT_INVALID');
    if (browser === undefined) return next;
    const nonce = pooledRandomBytes(16).toString('base64url');
    const expiry = (Math.floor(Date.now() / 1000) + LOGIN_TTL).toString(36);
    const claims = `${nonce}.${expiry}.${Buffer.from(next).toString('base64url')}`;
    return `${claims}.${sign(claims, browser, this.keys[0]!)}`;
  }

  /**
   * The login of a state.
   * @param browser the browser's cookie; undefined if it has none
   * @param code QQ's code, which distinguishes two logins of the old shop's pages
   * @throws Problem STATE_INVALID when it is forged, expired or of another browser
   */
  verify(state: string, browser: string | undefined, code: string): ReturnedLogin {
    if (this.takesBarePaths && state.startsWith('/')) {
      if (!isLocalPath(state)) throw new Problem('STATE_INVALID');
      const nonce = createHash('sha256').update(code).digest('base64url');
      return { nonce, next: state, browser: undefined, secondsLeft: LOGIN_TTL };
    }
    const [nonce = '', expiry = '', path = '', signature = '', ...more] = state.split('.');
    const claims = `${nonce}.${expiry}.${path}`;
    const signed = this.keys.some((key) => equal(signature, sign(claims, browser ?? '', key)));
    if (browser === undefined || more.length > 0 || !signed) throw new Problem('STATE_INVALID');
    const secondsLeft = parseInt(expiry, 36) - Date.now() / 1000;
    const next = Buffer.from(path, 'base64url').toString();
    if (secondsLeft <= 0 || !isLocalPath(next)) throw new Problem('STATE_INVALID');
    return { nonce, next, browser, secondsLeft };
  }
}

function sign(claims: string, browser: string, key: Buffer): string {
  return createHmac('sha256', key).update(`${claims}.${browser}`).digest('base64url');
}

function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  // The lengths are compared in bytes: timingSafeEqual throws if they differ, and one character may have several bytes.
  return a.length === b.length && timingSafeEqual(a, b);
}
