import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writtenCode } from '../support/fixtures.js';
import { ServiceProcess } from '../support/service-process.js';
import { type BindForm, newMobile, newPassword, newQq, Shopper } from '../support/shopper.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';

/** How often the service is killed. */
const KILLS = Number(process.env.TEST_KILLS ?? 100);
/** Of the random moments. */
const SEED = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
/** People who bind at one process, at the same time. */
const PEOPLE = 6;
/**
 * The longest that a process lives once it is asked, in ms, at first. It follows the machine, so that about half of the
 * requests are answered before the process is killed.
 */
const LONGEST_LIFE = 100;
const ADJUST_BY = 1.3;
/** Processes that are started ahead: a start takes longer than a life. */
const AHEAD = 2;

const LIMITS = ['sms-tries-per-mobile-day', 'binds-per-token', 'starts-per-ip', 'callbacks-per-ip']
  .map((rule) => `${rule}=100000/60`)
  .join();

/** On the same database and Redis; it is never killed, prepares what people need, and looks at what is left. */
let steady: App;
const alive = new Set<ServiceProcess>();

beforeAll(async () => {
  steady = await startApp({ env: { LIMITS } });
});

afterAll(async () => {
  await Promise.all([...alive].map((service) => service.stop('SIGKILL')));
  await steady.close();
});

async function start(): Promise<ServiceProcess> {
  const service = await ServiceProcess.start(
    {
      ...environmentBeside(steady),
      LOG_LEVEL: 'error',
      DOCS: 'off',
      PAGES: 'off',
      LIMITS,
    },
    steady.logRecorder,
  );
  alive.add(service);
  return service;
}

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A person who binds, and repeats the request until there is an answer. */
interface Person {
  readonly shopper: Shopper;
  readonly qq: string;
  form: BindForm;
  /** What each of their requests was answered; `none` where the process was killed first. */
  readonly answers: string[];
  /** The account that an answer has confirmed. */
  userId?: number;
}

/** A third are newcomers, a third have an account, a third share mobile and code with the person before. */
async function people(): Promise<Person[]> {
  const found: Person[] = [];
  for (let nth = 0; nth < PEOPLE; nth++) {
    const shopper = steady.shopper();
    const qq = newQq();
    const access_token = await shopper.bindToken(qq);
    const rival = nth % 3 === 2 ? found.at(-1)!.form : undefined;
    const owner = nth % 3 === 1 ? await registered() : { mobile: newMobile(), password: newPassword() };
    const { mobile, password } = rival ?? owner;
    const sms_code = rival?.sms_code ?? (await writtenCode(steady, mobile));
    found.push({ shopper, qq, form: { access_token, mobile, password, sms_code }, answers: [] });
  }
  return found;
}

async function registered(): Promise<{ mobile: string; password: string }> {
  const mobile = newMobile();
  const form = { username: `u${mobile}`, mobile, password: newPassword() };
  const { status, text } = await steady
    .shopper()
    .post('/users/', { ...form, sms_code: await writtenCode(steady, mobile) });
  if (status !== 201) throw new Error(text);
  return form;
}

async function ask(person: Person, url: string): Promise<void> {
  const { cookie, address } = person.shopper;
  const there = Object.assign(new Shopper(url, steady.sandbox, steady.logRecorder), { cookie, address });
  const answer = await there.bind(person.form).catch((error: unknown) => {
    if (error instanceof TypeError) return undefined;
    throw error;
  });
  person.answers.push(answer ? (answer.body.errorCode ?? String(answer.status)) : 'none');
  if (answer?.status === 200) person.userId = answer.body.user_id;
}

const rows = async (sql: string): Promise<Record<string, string>[]> => steady.dataSource.query(sql);

it(
  `a service killed ${KILLS} times in the middle of binds keeps what it confirmed, and leaves nothing half done`,
  async () => {
    writeSync(1, `Killed in the middle of binds: TEST_SEED=${SEED} repeats the moments of this run\n`);
    const random = randomOf(SEED);
    let longestLife = LONGEST_LIFE;
    const starting = Array.from({ length: AHEAD }, start);
    const everybody: Person[] = [];
    let waiting: Person[] = [];

    for (let kill = 0; kill < KILLS; kill++) {
      const fresh = await people();
      everybody.push(...fresh);
      const service = await starting.shift()!;
      // A request without an answer is repeated at the next process, which may be killed too.
      const asked = [...waiting, ...fresh];
      const asking = Promise.all(asked.map((person) => ask(person, service.url)));
      await sleep(random() * longestLife);
      await service.stop('SIGKILL');
      alive.delete(service);
      if (kill + AHEAD < KILLS) starting.push(start());
      await asking;
      waiting = asked.filter(({ answers }) => answers.at(-1) === 'none');
      longestLife *= waiting.length > asked.length / 2 ? ADJUST_BY : 1 / ADJUST_BY;
    }
    await Promise.all(waiting.map((person) => ask(person, steady.url)));

    const counts: Record<string, number> = {};
    for (const { answers } of everybody)
      for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    const repeated = everybody.filter(({ answers }) => answers.length > 1 && answers.at(-1) === '200').length;
    const confirmed = everybody.filter(({ userId }) => userId !== undefined);
    const bound = new Map(
      (
        await rows(`SELECT u.mobile, q.user_id AS userId, e.n FROM tb_oauth_qq q JOIN tb_users u ON u.id = q.user_id
         JOIN (SELECT user_id, COUNT(*) AS n FROM tb_account_event WHERE event = 'bound' GROUP BY user_id) e
         ON e.user_id = u.id`)
      ).map((row) => [row.mobile, { userId: Number(row.userId), events: Number(row.n) }]),
    );
    writeSync(
      1,
      `Killed ${KILLS} times: ${everybody.length} people, answers ${JSON.stringify(counts)}, ` +
        `${confirmed.length} confirmed (${repeated} of them after repeating the request), ${bound.size} bound\n`,
    );

    // Every request has ended in a success or an error that its sender can act on.
    const ends = new Set(everybody.map(({ answers }) => answers.at(-1)));
    const honest = ['200', 'SMS_CODE_INVALID', 'MOBILE_TAKEN', 'QQ_ALREADY_BOUND'];
    expect([...ends].filter((end) => !honest.includes(end!))).toEqual([]);
    // Confirmed: is there, and logs in.
    for (const { userId, form } of confirmed) expect(bound.get(form.mobile)?.userId).toBe(userId);
    for (const { qq, userId } of confirmed.slice(0, 50))
      expect((await steady.shopper().loginWithQq(qq)).body.user_id).toBe(userId);
    // Half bound: a binding without its account, an account that a bind opened without its binding, or without its trail.
    expect(
      await rows(
        'SELECT q.id FROM tb_oauth_qq q LEFT JOIN tb_users u ON u.id = q.user_id WHERE u.id IS NULL',
      ),
    ).toEqual([]);
    expect(
      await rows(`SELECT u.id FROM tb_users u LEFT JOIN tb_oauth_qq q ON q.user_id = u.id
         WHERE q.id IS NULL AND u.username NOT LIKE 'u1%'`),
    ).toEqual([]);
    expect(
      await rows(`SELECT u.id FROM tb_users u WHERE
         (SELECT COUNT(*) FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'registered') <> 1 OR
         (SELECT COUNT(*) FROM tb_account_event e WHERE e.user_id = u.id AND e.event = 'bound') <>
         (SELECT COUNT(*) FROM tb_oauth_qq q WHERE q.user_id = u.id)`),
    ).toEqual([]);
    // Each code was spent once at most: two people shared some, and one of them at most was bound by it.
    const perMobile = await rows('SELECT user_id FROM tb_oauth_qq GROUP BY user_id HAVING COUNT(*) > 1');
    expect(perMobile).toEqual([]);
    // Who got SMS_CODE_INVALID is not bound by that request, and gets there with a new code.
    const refused = everybody.filter(({ answers }) => answers.at(-1) === 'SMS_CODE_INVALID').slice(0, 20);
    for (const person of refused) {
      const owner = confirmed.find(({ form }) => form.mobile === person.form.mobile);
      person.form = { ...person.form, sms_code: await writtenCode(steady, person.form.mobile) };
      await ask(person, steady.url);
      expect(person.answers.at(-1), person.answers.join()).toBe('200');
      if (owner) expect(person.userId).toBe(owner.userId);
    }
    expect(confirmed.length).toBeGreaterThan(KILLS);
    expect(repeated).toBeGreaterThan(0);
    expect(counts.none).toBeGreaterThan(KILLS / 4);
  },
  KILLS * 20_000,
);
