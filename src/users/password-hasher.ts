import { Injectable, Logger } from '@nestjs/common';
import bcrypt from 'bcrypt';
import { Config } from '../config/config.js';
import { shareOf } from '../config/worker.js';
import { Asker, HashQueue, Standing } from './hash-queue.js';
import { hexSha256, isUnusable, OURS, readEncoded } from './password-formats.js';

/** Longest wait for a hash, in ms, before the service says that it is overloaded. */
const LONGEST_WAIT_MS = 15_000;
/** Milliseconds one hash of cost 12 takes on a small server. */
const COST_12_MS = 250;
/** Threads of libuv's pool when `UV_THREADPOOL_SIZE` does not say otherwise. */
const USUAL_THREADS = 4;
/**
 * Libuv read `UV_THREADPOOL_SIZE` at its first job, while Node loaded main.js. What a `.env` file says came too late
 * for it, and is not in the environment yet when this module is loaded.
 */
const THREADS = threadsOf(process.env.UV_THREADPOOL_SIZE);

/** An account as far as its password goes. */
export interface PasswordOwner {
  readonly id: number;
  /** Encoded. */
  readonly password: string;
}

/**
 * Passwords, encoded as Django does, so that the old shop verifies what we write. Hashes are the heaviest work of the
 * service: all of them go through one {@link HashQueue}.
 */
@Injectable()
export class PasswordHasher {
  private readonly logger = new Logger(PasswordHasher.name);
  private readonly queue: HashQueue;

  constructor(private readonly config: Config) {
    const wanted = shareOf(config.HASH_LANES, config.WEB_CONCURRENCY);
    const lanes = hashLanes(wanted);
    if (lanes < wanted)
      this.logger.warn('Fewer hash lanes than HASH_LANES: UV_THREADPOOL_SIZE is too small', {
        lanes,
        wanted,
        needed: wanted + USUAL_THREADS,
      });
    this.queue = new HashQueue({
      lanes,
      longestWaitMs: LONGEST_WAIT_MS,
      typicalMs: COST_12_MS * 2 ** (config.BCRYPT_COST - 12),
    });
  }

  /**
   * `bcrypt_sha256$$2b$…`: bcrypt of the lower-case hex SHA-256, so that nothing is cut at 72 bytes.
   * @throws Problem OVERLOADED when too many wait already
   */
  async hash(password: string, asker: Asker, standing: Standing = 'proven'): Promise<string> {
    return this.queue.run(asker, standing, async () => OURS + (await this.bcrypt(password)));
  }

  /**
   * Whether the password is the account's. Without an account (or with a password that is unusable or malformed) it
   * never is, and takes as long. A wrong one in an older format pays one bcrypt on top, for the same reason.
   * @param standing `proven` where an SMS code or a login token came before the password
   * @throws Problem OVERLOADED when too many wait already
   */
  async matches(
    password: string,
    account: PasswordOwner | undefined,
    asker: Asker,
    standing: Standing = 'guess',
  ): Promise<boolean> {
    return this.queue.run(asker, standing, async () => {
      const right = account && (await this.compare(password, account));
      if (right) return true;
      if (right === undefined || !this.isCurrent(account!.password)) await this.bcrypt(password);
      return false;
    });
  }

  /**
   * Says early what `matches` would say, before the account is looked up: what is refused costs no SQL statement.
   * @throws Problem OVERLOADED when too many wait already
   */
  refuseWhenFull(asker: Asker, standing: Standing = 'guess'): void {
    this.queue.refuseWhenFull(asker, standing);
  }

  /** Whether `hash` would write this format today; if not, the next good login re-hashes it. */
  isCurrent(encoded: string): boolean {
    const cost = /^bcrypt_sha256\$\$2b\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(encoded)?.[1];
    return cost !== undefined && Number(cost) >= this.config.BCRYPT_COST;
  }

  /** Undefined where there is nothing to compare with. */
  private async compare(
    password: string,
    { id, password: encoded }: PasswordOwner,
  ): Promise<boolean | undefined> {
    if (isUnusable(encoded)) return undefined;
    const right = await readEncoded(encoded)?.(password);
    // The row is at fault, not the person: only an operator can mend it.
    if (right === undefined) this.logger.error('Stored password is malformed', { userId: id });
    return right;
  }

  private bcrypt(password: string): Promise<string> {
    return bcrypt.hash(hexSha256(password), this.config.BCRYPT_COST);
  }
}

/** Hashes at once: `HASH_LANES`, but one less than there are threads: name look-ups and file reads need one too. */
function hashLanes(wanted: number): number {
  return Math.max(1, Math.min(wanted, THREADS - 1));
}

function threadsOf(said: string | undefined): number {
  const threads = Number(said ?? USUAL_THREADS);
  // Libuv takes 1 for what it cannot read.
  return Number.isSafeInteger(threads) && threads > 0 ? threads : 1;
}
