import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import type { Shopper } from './shopper.js';

/** Asks for a challenge and solves it, as ALTCHA's widget does. */
export async function solvedBy(shopper: Shopper): Promise<{ challenge: Challenge; altcha: string }> {
  const { body, status, text } = await shopper.get('/human_checks/');
  if (status !== 200) throw new Error(`No challenge: ${status} ${text}`);
  const challenge = body as unknown as Challenge;
  const solution = await solveChallenge({ challenge, deriveKey });
  return { challenge, altcha: encoded({ challenge, solution }) };
}

/** As ALTCHA's widget sends it: JSON in base64. */
export const encoded = (payload: unknown): string => Buffer.from(JSON.stringify(payload)).toString('base64');

export const decoded = (altcha: string): { challenge: Challenge; solution: Record<string, unknown> } =>
  JSON.parse(Buffer.from(altcha, 'base64').toString()) as ReturnType<typeof decoded>;
