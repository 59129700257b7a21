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

/** The subject of each rule's count: a mobile, a network, an account. */
export type Uses = Readonly<Partial<Record<Rule, string>>>;

/** Milliseconds between two tries to undo a count whose outcome is unknown. */
const UNDO_EVERY = 250;
const UNDO_TRIES = ((REMEMBERED_FOR - 5) * 1000) / UNDO_EVERY;

const refusals = new Counter({
  name: 'qq_account_limit_refusals_total',
  help: 'Requests that a limit refused',
  labelNames: ['rule'],
});

/**
 * Counts what must not happen too often. It counts before the guarded work, and in one step in Redis, so that of fifty
 * simultaneous requests exactly the allowed number pass. While Redis is away, nothing passes.
 */
@Injectable()
export class Limits {
  private readonly logger = new Logger(Limits.name);
  private readonly throttle = new Throttle(60_000);
  private readonly allowances: Readonly<Record<Rule, Allowance>>;
  /** Identifies this service among all that share a Redis, also where two of them run in one process. */
  private readonly id = randomUUID();
  private marks = 0;

  constructor(
    private readonly redis: Redis,
    config: Config,
  ) {
    this.allowances = allowances(config);
  }

  /**
   * Counts one use of each rule, or none: if one rule refuses, the others do not count. One Redis command for all rules
   * of a stage with the same subject.
   * @param stages counted one after another; a stage is only counted if the stage before allowed it. A function is only
   *   called then, and looks up the subject; if it throws, nothing is counted
   * @throws Problem TOO_MANY_REQUESTS with the seconds until the strictest rule allows it again
   */
  async take(...stages: (Uses | (() => Promise<Uses>))[]): Promise<void> {
    const sent: Group[] = [];
    for (const stage of stages) {
      const groups = this.groupsOf(await this.usesOf(stage, sent));
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

  /**
   * Gives back one use of each rule: the work had no effect (an SMS was not sent) or was harmless (the password was
   * right).
   */
  async giveBack(...stages: Uses[]): Promise<void> {
    const groups = stages.flatMap((uses) => this.groupsOf(uses));
    await Promise.all(groups.map(({ keys }) => GIVE_BACK.run(this.redis, keys)));
  }

  /** Resets the counts of these rules: for the support desk. */
  async forget(uses: Uses): Promise<void> {
    for (const { keys } of this.groupsOf(uses)) await this.redis.del(...keys);
  }

  private async usesOf(stage: Uses | (() => Promise<Uses>), sent: readonly Group[]): Promise<Uses> {
    if (typeof stage !== 'function') return stage;
    try {
      return await stage();
    } catch (error) {
      await this.undo(sent);
      throw error;
    }
  }

  private groupsOf(uses: Uses): Group[] {
    const groups = new Map<string, Group>();
    for (const [rule, subject] of Object.entries(uses) as [Rule, string][]) {
      let group = groups.get(subject);
      if (!group) {
        const mark = `qq:limit:{${subject}}:${this.id}:${++this.marks}`;
        groups.set(subject, (group = { mark, rules: [], keys: [], counted: true }));
      }
      group.rules.push(rule);
      group.keys.push(limitKey(rule, subject));
    }
    return [...groups.values()];
  }

  /** Counts the uses of one subject, or none of them. Returns the rules that refuse. */
  private async count(group: Group): Promise<Refusal[]> {
    const numbers = group.rules.flatMap((rule) => this.allowances[rule]);
    try {
      const answer = (await COUNT.run(this.redis, [group.mark, ...group.keys], ...numbers)) as number[];
      const refusals: Refusal[] = [];
      for (let index = 0; index < answer.length; index += 2) {
        const rule = group.rules[answer[index]!]!;
        const left = answer[index + 1]!;
        // A rule that allows nothing has no count with an end.
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
          // The caller must learn why it was refused, so the undo goes on in the background.
          this.undoLater([group], tries - 1);
        }
      }),
    );
  }

  /** Undoes counts in the background: Redis did not say whether it counted, and may be away now. */
  private undoLater(groups: readonly Group[], tries = UNDO_TRIES): void {
    if (groups.length === 0) return;
    if (tries > 0) setTimeout(() => void this.undo(groups, tries), UNDO_EVERY).unref();
    else if (this.throttle.allows('undo')) this.logger.warn('Counts not taken back, they expire');
  }
}

/** The key of a rule's count. The braces put all counts of one subject into one slot of a Redis Cluster. */
export const limitKey = (rule: Rule, subject: string): string => `qq:limit:{${subject}}:${rule}`;

/** The uses of one subject, which one command counts. */
interface Group {
  readonly mark: string;
  readonly rules: Rule[];
  readonly keys: string[];
  /** False: Redis counted none of them for certain. */
  counted: boolean;
}

interface Refusal {
  readonly rule: Rule;
  /** Until the rule allows it again. */
  readonly seconds: number;
}
