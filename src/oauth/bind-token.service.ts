import { createHash, createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtModuleOptions, JwtService } from '@nestjs/jwt';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { QqOutcome } from './callback-outcomes.js';
import { ReturnedLogin } from './login-state.js';
import { QqIdentity } from './qq-client.js';

/** A QQ identity that this browser has proved, and the token that carries it. */
export interface BindGrant {
  readonly identity: QqIdentity;
  /** Identifies the token. */
  readonly tokenId: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

interface Payload {
  readonly openid: string;
  readonly unionid?: string;
  readonly nickname?: string;
  /** A digest of the browser cookie. */
  readonly browser?: string;
  readonly jti: string;
  /** When the token was issued, in ms: `iat` has only seconds. */
  readonly at: number;
}

const AUDIENCE = 'qq-bind';
const PURPOSE = 'bind token';

/** How bind tokens are signed: with a key for this purpose only. */
export function bindTokenOptions(config: Config): JwtModuleOptions {
  return optionsFor(config.keyFor(PURPOSE));
}

function optionsFor(key: Buffer): JwtModuleOptions {
  return {
    secret: createSecretKey(key),
    signOptions: { algorithm: 'HS256', audience: AUDIENCE },
    verifyOptions: { algorithms: ['HS256'], audience: AUDIENCE },
  };
}

/**
 * The API's `access_token`: carries a QQ identity from the callback to the bind. It has its own key, so that no other
 * token is accepted in its place. Its bearer can read their own openid in it, which is accepted.
 */
@Injectable()
export class BindTokenService {
  /** For the current secret, then for the previous one. */
  private readonly verifiers: JwtService[];

  constructor(
    private readonly jwt: JwtService,
    private readonly config: Config,
  ) {
    this.verifiers = config.keysFor(PURPOSE).map((key) => new JwtService(optionsFor(key)));
  }

  /**
   * A bind token for a finished login. The same login always gives the same token, so a repeated callback adds none.
   */
  issue(
    { identity: { openid, unionid, nickname }, at }: QqOutcome,
    { nonce, browser }: ReturnedLogin,
  ): string {
    const claims = {
      openid,
      ...(unionid && { unionid }),
      ...(nickname && { nickname }),
      ...(browser !== undefined && { browser: digest(browser) }),
      at,
    };
    const iat = Math.floor(at / 1000);
    return this.jwt.sign({ ...claims, iat }, { jwtid: nonce, expiresIn: this.config.BIND_TOKEN_TTL });
  }

  /**
   * The identity in a token. {@link BindReceipts} makes it single-use.
   * @throws Problem BIND_TOKEN_INVALID when it is forged, expired, of another browser or not a bind token
   */
  verify(token: string, browser: string | undefined): BindGrant {
    const { openid, unionid, nickname, browser: owner, jti, at } = this.payload(token);
    // Only logins of the old shop's pages give a token that is valid in every browser.
    const anyBrowser = owner === undefined && this.config.LEGACY_CLIENT;
    if (!anyBrowser && (browser === undefined || owner !== digest(browser))) {
      throw new Problem('BIND_TOKEN_INVALID');
    }
    const identity = { openid, ...(unionid && { unionid }), ...(nickname && { nickname }) };
    return { identity, tokenId: jti, issuedAt: at };
  }

  private payload(token: string): Payload {
    let cause: unknown;
    for (const verifier of this.verifiers) {
      try {
        return verifier.verify<Payload>(token);
      } catch (error) {
        cause = error;
      }
    }
    throw new Problem('BIND_TOKEN_INVALID', { cause });
  }
}

const digest = (browser: string): string => createHash('sha256').update(browser).digest('base64url');
