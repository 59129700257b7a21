import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { isLocalPath } from './local-path.js';

/** Seconds between pressing "QQ登录" and coming back. */
const TTL = 600;

/**
 * The `state` of a QQ login (RFC 9700 §4.7): `<nonce>.<expiry>.<next>.<signature>` in base64url, at most 500 bytes. The
 * signature covers the browser cookie too, which is not in it: only the browser that started can end the login.
 */
@Injectable()
export class LoginState {
  private readonly key: Buffer;

  constructor(
    private readonly redis: Redis,
    config: Config,
  ) {
    this.key = config.keyFor('login state');
  }

  /**
   * A state for this login.
   * @throws Problem NEXT_INVALID unless `next` is a local path
   */
  open(next: string, browser: string): string {
    if (!isLocalPath(next)) throw new Problem('NEXT_INVALID');
    const nonce = randomBytes(16).toString('base64url');
    const expiry = (Math.floor(Date.now() / 1000) + TTL).toString(36);
    const claims = `${nonce}.${expiry}.${Buffer.from(next).toString('base64url')}`;
    return `${claims}.${this.sign(claims, browser)}`;
  }

  /**
   * The `next` that the login was opened with, and the browser that opened it. Once: a second closing finds it used. One Redis command.
   * @param browser the browser cookie; undefined when there is none
   * @throws Problem STATE_INVALID when it is forged, expired, used or another browser's
   */
  async close(state: string, browser: string | undefined): Promise<{ next: string; browser: string }> {
    const [nonce = '', expiry = '', path = '', signature = '', ...more] = state.split('.');
    const expected = this.sign(`${nonce}.${expiry}.${path}`, browser ?? '');
    if (browser === undefined || more.length > 0 || !equal(signature, expected))
      throw new Problem('STATE_INVALID');
    const left = parseInt(expiry, 36) - Date.now() / 1000;
    const next = Buffer.from(path, 'base64url').toString();
    if (left <= 0 || !isLocalPath(next)) throw new Problem('STATE_INVALID');
    // Remembered for as long as the state would have lived: whoever sets the mark first has used it.
    const first = await this.redis.set(`qq:used_state:${nonce}`, 1, 'EX', Math.ceil(left) + 1, 'NX');
    if (first === null) throw new Problem('STATE_INVALID');
    return { next, browser };
  }

  private sign(claims: string, browser: string): string {
    return createHmac('sha256', this.key).update(`${claims}.${browser}`).digest('base64url');
  }
}

function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  // By bytes: as many characters may have more of them, and then timingSafeEqual throws.
  return a.length === b.length && timingSafeEqual(a, b);
}
