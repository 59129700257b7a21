import { createHash, createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtModuleOptions, JwtService } from '@nestjs/jwt';
import { v7 as uuidv7 } from 'uuid';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';
import { pooledRandomBytes } from '../common/random-bytes.js';
import { TokenRevocations } from './token-revocations.js';

/** What a login token says about its owner. */
export interface TokenOwner {
  readonly id: number;
  readonly username: string;
  readonly email: string;
}

/** A valid login token. */
export interface Login {
  readonly userId: number;
  readonly username: string;
  /** Identifies the token: its `jti`, or a digest when the old shop signed it without one. */
  readonly tokenId: string;
  /** Milliseconds since the epoch: when the account was as the token says. */
  readonly asOf: number;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** Seconds since the epoch; missing in the old shop's tokens. */
  readonly issuedAt?: number;
}

/** The payload on the wire: the old shop's (DRF-JWT). Our tokens also have `iat` and `jti`. */
interface Payload {
  readonly user_id?: unknown;
  readonly username?: unknown;
  readonly exp?: unknown;
  readonly iat?: unknown;
  readonly jti?: unknown;
  readonly aud?: unknown;
}

/** How login tokens are signed: the same way as in the old shop, so that its services accept them. */
export function loginTokenOptions(secret: string): JwtModuleOptions {
  return {
    // A KeyObject: jsonwebtoken first tries to read a string as a private key, on every call.
    secret: createSecretKey(secret, 'utf8'),
    signOptions: { algorithm: 'HS256' },
    verifyOptions: { algorithms: ['HS256'] },
  };
}

/**
 * Seconds that an old shop's token lives (DRF-JWT's setting). The token has no `iat`, so this gives the time of
 * signing.
 */
const OLD_SHOP_TTL = 86_400;

@Injectable()
export class TokenService {
  /** For the current secret, then for the previous one. */
  private readonly verifiers: JwtService[];

  constructor(
    private readonly config: Config,
    private readonly jwt: JwtService,
    private readonly revocations: TokenRevocations,
  ) {
    const previous = config.JWT_SECRET_PREVIOUS;
    this.verifiers = [jwt, ...(previous ? [new JwtService(loginTokenOptions(previous))] : [])];
  }

  /**
   * Signs a login token. Only {@link SignIns} calls it.
   * @param asOf when the account was read, by this process's clock, in ms. A password change after this moment ends the
   *   token too. The moment goes into the `jti` (a UUIDv7) by Redis's clock, which orders two tokens of the same
   *   second.
   */
  issue(user: TokenOwner, asOf: number): string {
    const claims = { user_id: user.id, username: user.username, email: user.email };
    return this.jwt.sign(claims, {
      jwtid: uuidv7({ msecs: this.revocations.momentOf(asOf), random: pooledRandomBytes(16) }),
      expiresIn: this.config.JWT_TTL,
    });
  }

  /**
   * The login of a token, ours or the old shop's. One Redis command.
   * @throws Problem LOGIN_REQUIRED when it is forged, expired, never expires, was signed for another purpose or has
   *   ended
   */
  async verify(token: string): Promise<Login> {
    const login = this.read(token);
    if (await this.revocations.covers(login)) throw new Problem('LOGIN_REQUIRED');
    return login;
  }

  /**
   * Checks the login again inside a transaction: it may have ended while its request waited.
   * @throws Problem LOGIN_REQUIRED when the login has ended
   */
  async refuseEnded(login: Login): Promise<void> {
    if (await this.revocations.covers(login)) throw new Problem('LOGIN_REQUIRED', { userId: login.userId });
  }

  /** Whether every login of the account was ended after this moment (ms since the epoch). */
  async endedSince(userId: number, asOf: number): Promise<boolean> {
    return this.revocations.coversAll(userId, this.revocations.momentOf(asOf));
  }

  /** The login of any text; undefined unless it is a valid token. */
  async find(token: string): Promise<Login | undefined> {
    try {
      return await this.verify(token);
    } catch (error) {
      if (error instanceof Problem && error.code === 'LOGIN_REQUIRED') return undefined;
      throw error;
    }
  }

  /** Ends only this token. */
  async revoke(login: Login): Promise<void> {
    await this.revocations.add(login);
  }

  /** Ends every token of the account whose proof is older than now. */
  async revokeAll(userId: number): Promise<void> {
    await this.revocations.addAll(userId);
  }

  private read(token: string): Login {
    const payload = this.payload(token);
    const { user_id: userId, username, exp, iat, jti, aud } = payload;
    if (!isAccountId(userId) || typeof username !== 'string') throw new Problem('LOGIN_REQUIRED');
    if (typeof exp !== 'number' || aud !== undefined) throw new Problem('LOGIN_REQUIRED');
    const tokenId = typeof jti === 'string' && UUID_V7.test(jti) ? jti : digest(token);
    const said = tokenId === jti ? millisecondsOf(tokenId) : signedAt(exp, iat) * 1000;
    // A moment in the future says nothing about the age: the first "every token until now" ends such a token.
    const latest = this.revocations.momentOf(Date.now()) + CLOCKS_DIFFER_BY_MS;
    const asOf = said <= latest ? said : 0;
    const issuedAt = typeof iat === 'number' ? { issuedAt: iat } : {};
    return { ...issuedAt, userId, username, tokenId, asOf, expiresAt: exp };
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
    throw new Problem('LOGIN_REQUIRED', { cause });
  }
}

/** Ids of `tb_users` are a signed 32-bit column. A larger id has no account and does not fit the audit table. */
const LARGEST_ID = 2_147_483_647;

function isAccountId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= LARGEST_ID;
}

/** Milliseconds by which the clock of a server that signs tokens may be ahead of Redis's. */
const CLOCKS_DIFFER_BY_MS = 300_000;

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The first 48 bits of a UUIDv7 (RFC 9562 §5.7). */
function millisecondsOf(uuid: string): number {
  return parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/**
 * When another service signed the token, in seconds. The old shop's tokens only carry their expiry. A token that lives
 * longer than the old shop's setting may have any age, so 0 makes the first "every token until now" end it.
 */
function signedAt(exp: number, iat: unknown): number {
  if (typeof iat === 'number') return iat;
  const signed = exp - OLD_SHOP_TTL;
  return signed <= Date.now() / 1000 ? signed : 0;
}

/** A digest of the signed part alone, because one signature has several spellings. */
function digest(token: string): string {
  return createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('base64url');
}
