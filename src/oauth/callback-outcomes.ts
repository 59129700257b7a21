import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Config } from '../config/config.js';
import { RedisClock } from '../redis/redis-clock.js';
import { Script } from '../redis/script.js';
import { Problem, ProblemCode } from '../common/problem.js';
import { ReturnedLogin } from './login-state.js';
import { QqIdentity } from './qq-client.js';
import { QqProfile } from './qq-dialect.js';

/** Milliseconds in which a repeated callback gets the same outcome: in-app browsers load the page twice. */
const REPEATABLE_FOR = 60_000;
/** Milliseconds between two reads of a callback that is still running. */
const LOOK_EVERY = 100;

/** A QQ, with its profile if QQ is asked for it. */
export type ProfiledQq = QqIdentity & QqProfile;

/** What QQ answered for a login, and when. */
export interface QqOutcome {
  readonly identity: ProfiledQq;
  /** Milliseconds since the epoch by Redis's clock, because another server may compare it with an unbinding. */
  readonly at: number;
}

/** The stored state of a callback. Without identity and problem it is still running. */
interface Stored {
  /** A digest of QQ's code and of its sender. The same state with another code is another callback. */
  readonly callback: string;
  readonly at: number;
  /** The same moment as `at`, by Redis's clock. */
  readonly atRedis: number;
  readonly identity?: ProfiledQq;
  readonly problem?: ProblemCode;
}

/** Claims a login. Returns nothing to the first callback, and the stored state to later ones. */
const CLAIM = new Script(`
  local stored = redis.call('GET', KEYS[1])
  if stored then return stored end
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return ''`);

/** Makes a login's state single-use: QQ is asked once, and a repeated callback soon after gets the same outcome. */
@Injectable()
export class CallbackOutcomes {
  /** Milliseconds that a second callback waits for the first one. */
  private readonly waitMs: number;

  constructor(
    private readonly redis: Redis,
    private readonly clock: RedisClock,
    config: Config,
  ) {
    this.waitMs = config.QQ_TIMEOUT_MS + 1000;
  }

  /**
   * Whose QQ it is. The first caller asks QQ, the others get its result. Two Redis commands.
   * @param callback QQ's code and its sender; only the same pair may be repeated
   * @throws Problem STATE_INVALID when the login was finished by another callback or more than a minute ago; what `ask`
   *   throws
   */
  async once(login: ReturnedLogin, callback: string, ask: () => Promise<ProfiledQq>): Promise<QqOutcome> {
    const key = `qq:login:${login.nonce}`;
    // Kept as long as the state is valid. Without it, the state could be used again.
    const seconds = Math.ceil(Math.max(login.secondsLeft, REPEATABLE_FOR / 1000)) + 1;
    const running: Stored = { callback: digest(callback), ...this.now() };
    const stored = (await CLAIM.run(this.redis, [key], JSON.stringify(running), seconds)) as string;
    if (stored !== '') return this.replay(key, stored, running.callback);
    const { refusal, ...said } = await askOnce(ask);
    const outcome = { ...running, ...said, ...this.now() };
    await this.redis.set(key, JSON.stringify(outcome), 'EX', seconds);
    // Thrown with its cause, for the log. The stored outcome only has the code.
    if (refusal) throw refusal;
    return read(outcome);
  }

  private now(): Pick<Stored, 'at' | 'atRedis'> {
    const at = Date.now();
    return { at, atRedis: this.clock.at(at) };
  }

  private async replay(key: string, first: string, callback: string): Promise<QqOutcome> {
    const deadline = Date.now() + this.waitMs;
    for (let text: string | null = first; text !== null; text = await this.redis.get(key)) {
      const stored = JSON.parse(text) as Stored;
      if (stored.callback !== callback) break;
      if (stored.identity ?? stored.problem) return read(stored);
      if (Date.now() > deadline) break;
      await wait(LOOK_EVERY);
    }
    throw new Problem('STATE_INVALID');
  }
}

async function askOnce(
  ask: () => Promise<ProfiledQq>,
): Promise<Pick<Stored, 'identity' | 'problem'> & { refusal?: Problem }> {
  try {
    return { identity: await ask() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { problem: error.code, refusal: error };
  }
}

function read({ at, atRedis, identity, problem }: Stored): QqOutcome {
  if (Date.now() - at > REPEATABLE_FOR) throw new Problem('STATE_INVALID');
  if (!identity) throw new Problem(problem ?? 'STATE_INVALID');
  return { identity, at: atRedis };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');
