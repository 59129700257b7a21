import { createHash, createSecretKey, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtModuleOptions, JwtService } from '@nestjs/jwt';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { QqIdentity } from './qq-client.js';

/** A QQ identity that this browser has proved, and the token that says so. */
export interface BindGrant {
  readonly identity: QqIdentity;
  /** Which token it is. */
  readonly tokenId: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

interface Payload {
  readonly openid: string;
  readonly unionid?: string;
  /** A digest of the browser cookie. */
  readonly browser: string;
  readonly jti: string;
  /** When it was issued, in ms: `iat` has only seconds. */
  readonly at: number;
}

const AUDIENCE = 'qq-bind';

/** How bind tokens are signed: for one purpose, with a key of its own. */
export function bindTokenOptions(config: Config): JwtModuleOptions {
  return {
    secret: createSecretKey(config.keyFor('bind token')),
    signOptions: { algorithm: 'HS256', audience: AUDIENCE },
    verifyOptions: { algorithms: ['HS256'], audience: AUDIENCE },
  };
}

/**
 * The seed's `access_token`: carries a QQ identity from the callback to the bind. Its key is its own, so that it
 * passes for nothing else; its reader can see their own openid in it, which is accepted.
 */
@Injectable()
export class BindTokenService {
  constructor(
    private readonly jwt: JwtService,
    private readonly config: Config,
  ) {}

  issue({ openid, unionid }: QqIdentity, browser: string): string {
    const claims = { openid, ...(unionid && { unionid }), browser: digest(browser), at: Date.now() };
    return this.jwt.sign(claims, { jwtid: randomUUID(), expiresIn: this.config.BIND_TOKEN_TTL });
  }

  /**
   * Whether it has been used already is for {@link BindReceipts} to say.
   * @throws Problem BIND_TOKEN_INVALID when it is forged, expired, another browser's or no bind token at all
   */
  verify(token: string, browser: string | undefined): BindGrant {
    const { openid, unionid, browser: owner, jti, at } = this.payload(token);
    if (browser === undefined || owner !== digest(browser)) throw new Problem('BIND_TOKEN_INVALID');
    return { identity: { openid, ...(unionid && { unionid }) }, tokenId: jti, issuedAt: at };
  }

  private payload(token: string): Payload {
    try {
      return this.jwt.verify<Payload>(token);
    } catch (cause) {
      throw new Problem('BIND_TOKEN_INVALID', { cause });
    }
  }
}

const digest = (browser: string): string => createHash('sha256').update(browser).digest('base64url');
