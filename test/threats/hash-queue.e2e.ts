import { register } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atOnce, tally } from '../support/fixtures.js';
import { newName, newPassword, type Shopper } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

let app: App;

beforeAll(async () => {
  // Half a second per hash: by the first estimate, guesses have thirty places, of which one network gets fifteen.
  const rules = ['login-failures-per-ip', 'password-checks-per-ip'].map((rule) => `${rule}=100000/60`);
  app = await startApp({ env: { BCRYPT_COST: '13', HASH_LANES: '2', LIMITS: rules.join() } });
});

afterAll(() => app.close());

const guess = (shopper: Shopper) =>
  shopper.post('/authorizations/', { username: newName(), password: newPassword() });

/** A metric of the whole process. */
async function metric(name: string, labels: Record<string, string> = {}): Promise<number> {
  const { values } = (await register.getSingleMetric(name)!.get()) as {
    values: { value: number; labels: Record<string, string> }[];
  };
  const mine = values.find((one) =>
    Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  );
  return mine?.value ?? 0;
}
const waiting = () => metric('qq_account_hash_queue_length');
/** For a machine that also runs other tests. */
const PATIENT = { timeout: 25_000 };
const gone = () => metric('qq_account_hash_rejected_total', { reason: 'gone' });

describe('the queue of password hashes', { timeout: 60_000 }, () => {
  it('a network that floods the password hashes gets OVERLOADED, and another one is served', async () => {
    const flooder = app.shopper();
    const ends: string[] = [];
    const flood = atOnce(24, async () => {
      const answer = await guess(flooder);
      ends.push(answer.body.errorCode!);
      return answer;
    });
    await expect.poll(() => ends.includes('OVERLOADED'), PATIENT).toBe(true);

    const answer = await guess(app.shopper());
    ends.push('another network');

    expect(answer).toMatchObject({ status: 400, body: { errorCode: 'CREDENTIALS_INVALID' } });
    const answers = await flood;
    expect(Object.keys(tally(answers)).toSorted()).toEqual(['CREDENTIALS_INVALID', 'OVERLOADED']);
    expect(ends.indexOf('another network')).toBeLessThan(ends.lastIndexOf('CREDENTIALS_INVALID'));
    for (const { status, headers } of answers)
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('the hash queue does not hash for clients that have disconnected', async () => {
    const before = await gone();
    const hangUp = new AbortController();
    const body = () => JSON.stringify({ username: newName(), password: newPassword() });
    // Each from another network, because one network has few places on a slow machine.
    const asked = atOnce(8, (nth) =>
      fetch(`${app.url}/authorizations/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': `198.51.${nth}.1` },
        body: body(),
        signal: hangUp.signal,
      }).catch((error: Error) => error.name),
    );
    await expect.poll(waiting, PATIENT).toBeGreaterThan(2);

    hangUp.abort();

    expect(await asked).toContain('AbortError');
    await expect.poll(waiting, PATIENT).toBe(0);
    expect((await gone()) - before).toBeGreaterThan(2);
  });
});
