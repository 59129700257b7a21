import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Counter } from 'prom-client';
import { Problem } from '../common/problem.js';
import { Throttle } from '../common/throttle.js';
import { Config } from '../config/config.js';
import { mayHaveRun } from '../redis/redis-errors.js';
import { COUNT, GIVE_BACK, REMEMBERED_FOR, UNDO } from './count-scripts.js';
import { Allowance, allowances, Rule } from './rules.js';

/** Whom each rule counts: a mobile, a network, an account. */
export type Uses = Readonly<Partial<Record<Rule, string>>>;

/** Milliseconds between two tries to take back what may have been counted. */
const UNDO_EVERY = 250;
const UNDO_TRIES = ((REMEMBERED_FOR - 5) * 1000) / UNDO_EVERY;

const refusals = new Counter({
  name: 'qq_account_limit_refusals_total',
  help: 'Requests that a limit refused',
  labelNames: ['rule'],
});

/** One in all processes that share a Redis. */
const PROCESS = randomUUID();

/**
 * Counts what may not be done too often. Counting comes before what it guards, and Redis counts in one step, so that
 * of fifty requests at once exactly as many pass as may. Redis away: nothing passes.
 */
@Injectable()
export class Limits {
  private readonly logger = new Logger(Limits.name);
  private readonly throttle = new Throttle(60_000);
  private readonly allowances: Readonly<Record<Rule, Allowance>>;
  private marks = 0;

  constructor(
    private readonly redis: Redis,
    config: Config,
  ) {
    this.allowances = allowances(config);
  }

  /**
   * Counts one use of each rule, or of none: what one rule refuses, the others do not count. One Redis command for
   * all rules of a stage that count the same one.
   * @param stages each is counted once the one before has let it pass: what that one refuses does not stand in the
   *   counts of the next, not even until it is given back
   * @throws Problem TOO_MANY_REQUESTS with the seconds until the strictest of them allows it again
   */
  async take(...stages: Uses[]): Promise<void> {
    const sent: Group[] = [];
    for (const uses of stages) {
      const groups = this.groupsOf(uses);
      sent.push(...groups);
      const answers = await Promise.allSettled(groups.map((group) => this.count(group)));
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed) {
        this.undoLater(sent.filter(({ counted }) => counted));
        throw failed.reason;
      }
      const refused = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      if (refused.length > 0) {
        await this.undo(sent.filter(({ counted }) => counted));
        throw this.refusal(refused);
      }
    }
  }

  /** Takes back one use of each: it came to nothing (an SMS not sent) or did no harm (a right password). */
  async giveBack(...stages: Uses[]): Promise<void> {
    const groups = stages.flatMap((uses) => this.groupsOf(uses));
    await Promise.all(groups.map(({ keys }) => GIVE_BACK.run(this.redis, keys)));
  }

  /** Forgets what the rules have counted: for the support desk. */
  async forget(uses: Uses): Promise<void> {
    for (const { keys } of this.groupsOf(uses)) await this.redis.del(...keys);
  }

  private groupsOf(uses: Uses): Group[] {
    const groups = new Map<string, Group>();
    for (const [rule, whom] of Object.entries(uses) as [Rule, string][]) {
      let group = groups.get(whom);
      if (!group) {
        const mark = `qq:limit:{${whom}}:${PROCESS}:${++this.marks}`;
        groups.set(whom, (group = { mark, rules: [], keys: [], counted: true }));
      }
      group.rules.push(rule);
      group.keys.push(limitKey(rule, whom));
    }
    return [...groups.values()];
  }

  /** Counts the uses of one subject, or none of them; returns those that refuse. */
  private async count(group: Group): Promise<Refusal[]> {
    const numbers = group.rules.flatMap((rule) => this.allowances[rule]);
    try {
      const answer = (await COUNT.run(this.redis, [group.mark, ...group.keys], ...numbers)) as number[];
      const refusals: Refusal[] = [];
      for (let index = 0; index < answer.length; index += 2) {
        const rule = group.rules[answer[index]!]!;
        const left = answer[index + 1]!;
        // A rule that allows nothing has no count that could end.
        refusals.push({ rule, seconds: left < 0 ? this.allowances[rule][1] : Math.ceil(left / 1000) });
      }
      group.counted = refusals.length === 0;
      return refusals;
    } catch (error) {
      group.counted = mayHaveRun(error);
      throw error;
    }
  }

  private refusal(refused: readonly Refusal[]): Problem {
    for (const { rule } of refused) {
      refusals.inc({ rule });
      if (this.throttle.allows(rule)) this.logger.warn('Limit refuses', { rule });
    }
    return new Problem('TOO_MANY_REQUESTS', {
      retryAfter: Math.max(1, ...refused.map(({ seconds }) => seconds)),
    });
  }

  private async undo(groups: readonly Group[], tries = UNDO_TRIES): Promise<void> {
    await Promise.all(
      groups.map(async (group) => {
        try {
          await UNDO.run(this.redis, [group.mark, ...group.keys]);
        } catch {
          // The caller has to hear why it was refused, not that a count waits to be taken back.
          this.undoLater([group], tries - 1);
        }
      }),
    );
  }

  /** Redis did not say whether it counted, and may not be there to be asked: so this goes on behind the answer. */
  private undoLater(groups: readonly Group[], tries = UNDO_TRIES): void {
    if (groups.length === 0) return;
    if (tries > 0) setTimeout(() => void this.undo(groups, tries), UNDO_EVERY).unref();
    else if (this.throttle.allows('undo')) this.logger.warn('Counts not taken back, they expire');
  }
}

/** Where a rule counts somebody. The braces put all counts of one subject into one slot of a Redis Cluster. */
export const limitKey = (rule: Rule, whom: string): string => `qq:limit:{${whom}}:${rule}`;

/** The uses of one subject: they are counted in one command. */
interface Group {
  readonly mark: string;
  readonly rules: Rule[];
  readonly keys: string[];
  /** False: Redis certainly counted none of them. */
  counted: boolean;
}

interface Refusal {
  readonly rule: Rule;
  /** Until it allows it again. */
  readonly seconds: number;
}
