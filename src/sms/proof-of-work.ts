import { createHash, randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Challenge, createChallenge, type Payload, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { Redis } from 'ioredis';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { Limits } from '../limits/limits.js';
import { HumanCheck, HumanProof } from './human-check.js';

/** Seconds that a challenge is valid. A form may stay open for a while before its SMS is requested. */
const TTL = 600;
/** PBKDF2 rounds of one try. Browsers derive keys as fast as other programs, so a program has no advantage. */
export const ROUNDS = 2000;

/**
 * ALTCHA's proof of work. The server derives the key of a counter between 0 and `HUMAN_CHECK_DIFFICULTY`, and the
 * client searches for that counter. Challenge and key are signed, so the server stores nothing until a challenge is
 * solved.
 * @see https://altcha.org/docs/v2/proof-of-work/
 */
@Injectable()
export class ProofOfWork extends HumanCheck {
  readonly fields = { altcha: '请完成人机验证' } as const;

  constructor(
    private readonly redis: Redis,
    private readonly config: Config,
    private readonly limits: Limits,
  ) {
    super();
  }

  /**
   * A challenge that must be solved within ten minutes.
   * @throws Problem NOT_FOUND unless `HUMAN_CHECK` has `altcha`, TOO_MANY_REQUESTS
   */
  async issue({ network }: Client): Promise<Challenge> {
    if (!this.config.HUMAN_CHECK.includes('altcha')) throw new Problem('NOT_FOUND');
    await this.limits.take({ 'challenges-per-ip': network });
    const [secrets] = this.secrets();
    return createChallenge({
      algorithm: 'PBKDF2/SHA-256',
      deriveKey,
      cost: ROUNDS,
      counter: randomInt(this.config.HUMAN_CHECK_DIFFICULTY),
      expiresAt: Math.floor(Date.now() / 1000) + TTL,
      ...secrets!,
    });
  }

  isIn({ altcha }: HumanProof): boolean {
    return altcha !== undefined;
  }

  /**
   * Uses up a solution. Costs three HMACs, and one Redis command for a right one.
   * @throws Problem HUMAN_CHECK_INVALID
   */
  async redeem({ altcha = '' }: HumanProof): Promise<void> {
    const payload = payloadIn(altcha);
    if (!payload || !(await this.isSolved(payload))) throw new Problem('HUMAN_CHECK_INVALID');
    const { signature, parameters } = payload.challenge;
    const left = Math.ceil((parameters.expiresAt ?? 0) - Date.now() / 1000) + 1;
    const id = createHash('sha256').update(String(signature)).digest('base64url');
    // The first request that sets the mark uses the challenge. The mark expires with the challenge.
    const first = await this.redis.set(`qq:challenge:${id}`, 1, 'EX', Math.max(left, 1), 'NX');
    if (first === null) throw new Problem('HUMAN_CHECK_INVALID');
  }

  private async isSolved({ challenge, solution }: Payload): Promise<boolean> {
    for (const secrets of this.secrets()) {
      const { verified } = await verifySolution({ challenge, solution, deriveKey, ...secrets });
      if (verified) return true;
    }
    return false;
  }

  /** Derived from the current secret, then from the previous one. */
  private secrets(): { hmacSignatureSecret: string; hmacKeySignatureSecret: string }[] {
    const keys = this.config.keysFor('proof of work');
    const keyKeys = this.config.keysFor('key of a proof of work');
    return keys.map((key, index) => ({
      hmacSignatureSecret: key.toString('hex'),
      hmacKeySignatureSecret: keyKeys[index]!.toString('hex'),
    }));
  }
}

/** Decodes what ALTCHA's widget sends, JSON in base64; undefined for anything else. */
function payloadIn(altcha: string): Payload | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(Buffer.from(altcha, 'base64').toString());
  } catch {
    // JSON.parse throws only SyntaxError: this is not JSON.
    return undefined;
  }
  const { challenge, solution } = (payload ?? {}) as Partial<Record<keyof Payload, unknown>>;
  const { parameters, signature } = (challenge ?? {}) as Partial<Record<keyof Challenge, unknown>>;
  const complete = isObject(parameters) && isObject(solution) && typeof signature === 'string';
  return complete ? (payload as Payload) : undefined;
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
