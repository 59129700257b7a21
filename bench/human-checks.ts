import { spawnSync } from 'node:child_process';
import { pbkdf2Sync, randomInt } from 'node:crypto';
import { Resvg } from '@resvg/resvg-js';
import { createChallenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { LETTERS } from '../src/sms/image-code.service.js';
import { drawText } from '../src/sms/picture-drawing.js';
import { ROUNDS } from '../src/sms/proof-of-work.js';

/** The number of SMS that a program asks for. */
const MESSAGES = 100;
const DIFFICULTIES = [1000, 2500, 10_000];
const SOLUTIONS = 2;
const REPEATS = 200;
/** Pictures for the reader. */
const READ = 100;

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
  const drawn = (await cpuOf(() => picture('A3CE'), REPEATS)) / REPEATS;
  console.log(`picture: drawing costs the service ${(drawn * 1000).toFixed(1)} ms CPU each`);
  readPictures();
}

/** What Tesseract, a program that reads printed text, makes of the pictures as they are. */
function readPictures(): void {
  let right = 0;
  let seconds = 0;
  for (let nth = 0; nth < READ; nth++) {
    const text = Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
    const start = performance.now();
    const { stdout, error } = spawnSync(
      'tesseract',
      ['-', '-', '--psm', '7', '-c', `tessedit_char_whitelist=${LETTERS}`],
      { input: picture(text), env: { ...process.env, OMP_THREAD_LIMIT: '1' } },
    );
    if (error) return console.log('picture: not read, because tesseract is not installed');
    seconds += (performance.now() - start) / 1000;
    if (stdout.toString().trim() === text) right += 1;
  }
  console.log(
    `picture: tesseract reads ${right} of ${READ}, ${(seconds / READ).toFixed(2)} s each: ` +
      (right > 0
        ? `${MESSAGES} SMS take ${Math.round((MESSAGES * (READ + right)) / right)} requests and ${Math.round((MESSAGES * seconds) / right)} s`
        : 'no SMS'),
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

const picture = (text: string) =>
  new Resvg(drawText(text), { font: { loadSystemFonts: false }, fitTo: { mode: 'zoom', value: 2 } })
    .render()
    .asPng();

/** CPU seconds of this process. */
async function cpuOf(work: () => unknown, times: number): Promise<number> {
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
