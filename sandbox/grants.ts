import { randomBytes } from 'node:crypto';
import { QqError } from './answers.js';
import type { QqApp } from './registry.js';

/** Milliseconds since the epoch. Tests use their own clock. */
export type Clock = () => number;

/** Which person has authorized which app. */
export interface Grant {
  readonly app: QqApp;
  readonly qq: string;
}

interface Code extends Grant {
  readonly redirectUri: string;
  readonly expiresAt: number;
  used: boolean;
}

/** A code lives 10 minutes. */
const CODE_LIFETIME_MS = 600_000;

/** Seconds that an access token lives: 60 days. */
export const TOKEN_LIFETIME_S = 5_184_000;

/** The codes and access tokens that QQ has issued. */
export class Grants {
  readonly #codes = new Map<string, Code>();
  readonly #tokens = new Map<string, Grant & { readonly expiresAt: number }>();

  constructor(private readonly now: Clock = Date.now) {}

  /** Issues a code for one use by this app with this redirect_uri, within 10 minutes. */
  issueCode(grant: Grant, redirectUri: string): string {
    this.#forgetOldCodes();
    const code = hex32();
    this.#codes.set(code, { ...grant, redirectUri, expiresAt: this.now() + CODE_LIFETIME_MS, used: false });
    return code;
  }

  /**
   * Uses up a code.
   * @throws QqError 100019 unknown, expired or another app's; 100010 another redirect_uri; 100020 used before
   */
  redeemCode(value: string, appId: string, redirectUri: string): Grant {
    const code = this.#codes.get(value);
    if (!code || code.app.id !== appId) throw new QqError(100019);
    if (code.used) throw new QqError(100020);
    if (code.expiresAt <= this.now()) throw new QqError(100019);
    if (code.redirectUri !== redirectUri) throw new QqError(100010);
    code.used = true;
    return { app: code.app, qq: code.qq };
  }

  /** Issues an access token of 32 upper-case hex digits. */
  issueToken(grant: Grant): string {
    const token = hex32();
    this.#tokens.set(token, { ...grant, expiresAt: this.now() + TOKEN_LIFETIME_S * 1000 });
    return token;
  }

  /**
   * The grant of a token.
   * @throws QqError 100007 missing, 100013 unknown, 100014 expired
   */
  readToken(value: string | undefined): Grant {
    if (value === undefined) throw new QqError(100007);
    const token = this.#tokens.get(value);
    if (!token) throw new QqError(100013);
    if (token.expiresAt <= this.now()) throw new QqError(100014);
    return { app: token.app, qq: token.qq };
  }

  /** A map keeps the order of insertion and all codes live equally long, so the oldest codes come first. */
  #forgetOldCodes(): void {
    for (const [value, code] of this.#codes) {
      if (code.expiresAt > this.now()) return;
      this.#codes.delete(value);
    }
  }
}

/** The format of codes and tokens. */
export function hex32(): string {
  return randomBytes(16).toString('hex').toUpperCase();
}
