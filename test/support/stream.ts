import { expect, vi } from 'vitest';
import { OAuthQQUser } from '../../src/oauth/oauth-qq-user.entity.js';
import { type Answer, newQq, type Shopper } from './shopper.js';
import type { App } from './start-app.js';

/** The value of `LIMITS` for a service that serves a stream. */
export const STREAM_LIMITS =
  'sms-per-ip-hour=100000/60,sms-per-ip-day=100000/60,sms-per-subnet-day=100000/60';

export interface Confirmed {
  readonly qq: string;
  readonly userId: number;
}

/** Four people who bind, log in and read their account, without a pause. */
export class Stream {
  readonly answers: { at: number; status: number; code: string }[] = [];
  readonly confirmed: Confirmed[] = [];
  private stopped = false;
  private readonly running: Promise<unknown>;

  constructor(private readonly app: App) {
    this.running = Promise.all(Array.from({ length: 4 }, () => this.run()));
  }

  async until(condition: () => boolean, timeout = 10_000): Promise<void> {
    await vi.waitFor(() => expect(condition()).toBe(true), { timeout, interval: 20 });
  }

  /** Waits for twenty successes in a row, from now. */
  async servedAgain(timeout: number): Promise<void> {
    const before = this.answers.length;
    await this.until(() => {
      const since = this.answers.slice(before);
      return since.length >= 20 && since.slice(-20).every(({ status }) => status === 200);
    }, timeout);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { code } of this.answers) counts[code] = (counts[code] ?? 0) + 1;
    return counts;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const [shopper, qq] = [this.app.shopper(), newQq()];
      const form = await this.form(shopper, qq);
      if (!form) continue;
      const bound = this.note(await shopper.bind(form));
      if (bound.status !== 200) continue;
      this.confirmed.push({ qq, userId: bound.body.user_id });
      this.note(await shopper.get('/user/', bound.body.token));
      const query = await this.start(shopper, qq);
      if (query) this.note(await shopper.get(`/oauth/qq/users/?${query}`));
    }
  }

  /** The form of a bind; undefined when a step before it was refused. */
  private async form(shopper: Shopper, qq: string) {
    const query = await this.start(shopper, qq);
    const callback = query && this.note(await shopper.get(`/oauth/qq/users/?${query}`));
    if (!callback || callback.status !== 200) return undefined;
    try {
      return await shopper.bindForm({ access_token: callback.body.access_token });
    } catch (error) {
      // The SMS could not be sent. The error's message contains the answer.
      const [, code = 'none'] = /"errorCode":"(\w+)"/.exec((error as Error).message) ?? [];
      this.answers.push({ at: performance.now(), status: 503, code });
      return undefined;
    }
  }

  private async start(shopper: Shopper, qq: string): Promise<string | undefined> {
    const { status, body } = this.note(await shopper.get('/oauth/qq/authorization/?next=/'));
    return status === 200 ? shopper.approve(body.login_url, qq) : undefined;
  }

  private note(answer: Answer): Answer {
    this.answers.push({
      at: performance.now(),
      status: answer.status,
      code: answer.body.errorCode ?? String(answer.status),
    });
    return answer;
  }
}

/** Checks that everything that a stream's people were told is there, and that each of them logs in. */
export async function expectKept(app: App, { confirmed }: Stream): Promise<void> {
  const bindings = app.dataSource.getRepository(OAuthQQUser);
  for (const { qq, userId } of confirmed) {
    expect(await bindings.countBy({ userId })).toBe(1);
    expect((await app.shopper().loginWithQq(qq)).body.user_id).toBe(userId);
  }
}
