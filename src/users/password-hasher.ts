import { Injectable, Logger, OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import bcrypt from 'bcrypt';
import { Config } from '../config/config.js';
import { shareOf } from '../config/worker.js';
import { lowerHashPriority } from './hash-priority.js';
import { Asker, HashQueue, Release, Standing } from './hash-queue.js';
import { hexSha256, isUnusable, OUR_PREFIX, readEncoded } from './password-formats.js';

/** Longest wait for a hash, in ms. A request that would wait longer is refused as OVERLOADED. */
const LONGEST_WAIT_MS = 15_000;
/** Milliseconds of a hash of cost 12 on a small server. */
const COST_12_MS = 250;
/** Milliseconds before the end of the grace period that a stopping service keeps for what comes after the last hash. */
const AFTER_HASHES_MS = 1000;
/** Threads of libuv's pool if `UV_THREADPOOL_SIZE` is not set. */
const USUAL_THREADS = 4;
/**
 * libuv read `UV_THREADPOOL_SIZE` at its first job, while Node loaded main.js. A `.env` file is read later: it did not
 * affect libuv, and is not in the environment yet when this module is loaded.
 */
const THREADS = threadsOf(process.env.UV_THREADPOOL_SIZE);

/** The part of an account that concerns its password. */
export interface PasswordOwner {
  readonly id: number;
  /** Encoded. */
  readonly password: string;
}

/**
 * Encodes passwords as Django does, so that the old shop can verify them. All hashes go through one {@link HashQueue},
 * because they are the heaviest work of the service.
 */
@Injectable()
export class PasswordHasher implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(PasswordHasher.name);
  private readonly queue: HashQueue;
  /** Milliseconds of one hash, as an estimate. */
  private readonly typicalMs: number;

  constructor(private readonly config: Config) {
    const wanted = shareOf(config.HASH_LANES, config.WEB_CONCURRENCY);
    const lanes = hashLanes(wanted);
    if (lanes < wanted)
      this.logger.warn('Fewer hash lanes than HASH_LANES: UV_THREADPOOL_SIZE is too small', {
        lanes,
        wanted,
        needed: wanted + USUAL_THREADS,
      });
    this.typicalMs = COST_12_MS * 2 ** (config.BCRYPT_COST - 12);
    this.queue = new HashQueue({ lanes, longestWaitMs: LONGEST_WAIT_MS, typicalMs: this.typicalMs });
  }

  onModuleInit(): void {
    // The start does not wait for it: only speed under load depends on it.
    lowerHashPriority(THREADS).catch((error: NodeJS.ErrnoException) =>
      this.logger.debug('Hashes run with the usual priority', { cause: error.code ?? error.name }),
    );
  }

  /**
   * Called when the grace period of a stopping service begins. At its end all connections are cut, so requests that
   * wait longer than that are refused before. Hashes on a busy machine take longer than the estimate.
   */
  onModuleDestroy(): void {
    const untilClosed = this.config.SHUTDOWN_GRACE_S * 1000 - AFTER_HASHES_MS - 4 * this.typicalMs;
    setTimeout(() => this.queue.close(), Math.max(0, untilClosed)).unref();
  }

  /**
   * `bcrypt_sha256$$2b$…`: bcrypt of the lower-case hex SHA-256, so that nothing is cut at 72 bytes.
   * @throws Problem OVERLOADED when too many requests wait
   */
  async hash(password: string, asker: Asker, standing: Standing = 'proven'): Promise<string> {
    return this.queue.run(asker, standing, async () => OUR_PREFIX + (await this.bcrypt(password)));
  }

  /**
   * Whether the password is the account's. Without an account, or with an unusable or malformed password, the answer is
   * no and takes as long. For the same reason, a wrong password for an older format costs one bcrypt in addition.
   * @param standing `proven` if an SMS code or a login token came before the password
   * @param reserved what `reserveGuess` returned for this request
   * @throws Problem OVERLOADED when too many requests wait and none was reserved
   */
  async matches(
    password: string,
    account: PasswordOwner | undefined,
    asker: Asker,
    standing: Standing = 'guess',
    reserved?: Release,
  ): Promise<boolean> {
    const compare = async () => {
      const right = account && (await this.compare(password, account, asker));
      if (right) return true;
      if (right === undefined || !this.isCurrent(account!.password)) await this.bcrypt(password);
      return false;
    };
    return this.queue.run(asker, standing, compare, reserved);
  }

  /**
   * Reserves a place for a guess before its account is looked up, so that a refused request costs no SQL statement,
   * and a flood of guesses does not fill the queue for database connections.
   * @throws Problem OVERLOADED when too many requests wait
   */
  reserveGuess(asker: Asker): Release {
    return this.queue.reserve(asker, 'guess');
  }

  /** Whether `hash` writes this format today. If not, the next successful login renews the hash. */
  isCurrent(encoded: string): boolean {
    const cost = /^bcrypt_sha256\$\$2b\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(encoded)?.[1];
    return cost !== undefined && Number(cost) >= this.config.BCRYPT_COST;
  }

  /** Undefined when there is nothing to compare with. */
  private async compare(
    password: string,
    { id, password: encoded }: PasswordOwner,
    { requestId }: Asker,
  ): Promise<boolean | undefined> {
    if (isUnusable(encoded)) return undefined;
    const right = await readEncoded(encoded)?.(password);
    // The stored row is invalid, not the request. Only an operator can repair it.
    if (right === undefined) this.logger.error('Stored password is malformed', { requestId, userId: id });
    return right;
  }

  private bcrypt(password: string): Promise<string> {
    // The salt at once: asked for asynchronously, it would wait for a thread behind other hashes.
    return bcrypt.hash(hexSha256(password), bcrypt.genSaltSync(this.config.BCRYPT_COST));
  }
}

/**
 * Hashes that run at once: `HASH_LANES`, but fewer than libuv's threads, because name look-ups and file reads need one
 * too.
 */
function hashLanes(wanted: number): number {
  return Math.max(1, Math.min(wanted, THREADS - 1));
}

function threadsOf(setting: string | undefined): number {
  const threads = Number(setting ?? USUAL_THREADS);
  // libuv takes an unreadable value as 1.
  return Number.isSafeInteger(threads) && threads > 0 ? threads : 1;
}
