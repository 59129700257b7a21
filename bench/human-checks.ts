import { pbkdf2Sync } from 'node:crypto';
import { Resvg } from '@resvg/resvg-js';
import { createChallenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { drawText } from '../src/sms/picture-drawing.js';
import { ROUNDS } from '../src/sms/proof-of-work.js';

/** The number of SMS that a program asks for. */
const MESSAGES = 100;
const DIFFICULTIES = [1000, 2500, 10_000];
const SOLUTIONS = 2;
const REPEATS = 200;

/**
 * Prints what a hundred SMS cost a program with the proof of work, in CPU seconds of one core, and what a picture costs
 * the service. The proof of work is solved as ALTCHA's widget solves it, and as fast as Node can.
 */
export async function humanChecks(): Promise<void> {
  const oneTry = (await cpuOf(() => pbkdf2Sync('password', 'salt', ROUNDS, 32, 'sha256'), REPEATS)) / REPEATS;
  for (const difficulty of DIFFICULTIES) {
    const tries = difficulty / 2;
    const solved = (await solving(tries)) * MESSAGES;
    const least = oneTry * tries * MESSAGES;
    console.log(
      `altcha, difficulty ${difficulty}: ${MESSAGES} SMS take ${2 * MESSAGES} requests, ${Math.round(solved)} s CPU as the widget solves it, ${Math.round(least)} s with node:crypto`,
    );
  }
  const drawn = (await cpuOf(picture, REPEATS)) / REPEATS;
  console.log(
    `picture: ${MESSAGES} SMS take ${2 * MESSAGES} requests and a reader; drawing costs the service ${(drawn * 1000).toFixed(1)} ms CPU each`,
  );
}

/** CPU seconds for one solution that lies this many tries away, which is the average. */
async function solving(tries: number): Promise<number> {
  const challenge = await createChallenge({
    algorithm: 'PBKDF2/SHA-256',
    deriveKey,
    cost: ROUNDS,
    counter: tries,
    hmacSignatureSecret: 'bench',
    hmacKeySignatureSecret: 'bench',
  });
  return (
    (await cpuOf(() => solveChallenge({ challenge, deriveKey, timeout: 600_000 }), SOLUTIONS)) / SOLUTIONS
  );
}

const picture = () =>
  new Resvg(drawText('A3CE'), { font: { loadSystemFonts: false }, fitTo: { mode: 'zoom', value: 2 } })
    .render()
    .asPng();

/** CPU seconds of this process. */
async function cpuOf(work: () => unknown, times: number): Promise<number> {
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
