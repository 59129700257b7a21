import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import bcrypt from 'bcrypt';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';

const PREFIX = 'bcrypt_sha256$';
/** Longest wait for a hash, in ms, before the service says that it is overloaded. */
const LONGEST_WAIT = 15_000;
/** Milliseconds one hash of cost 12 takes on a small server: the first guess, until hashes have been measured. */
const COST_12_MS = 250;
/** Threads of libuv's pool, where hashes run; name look-ups and file reads need one too. */
const POOL = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
const MOST_LANES = Math.max(1, Math.min(availableParallelism(), POOL - 1));
/** Share of its time that the event loop works, above which it needs a core to itself. */
const BUSY = 0.5;
/** Milliseconds between two looks at the event loop. */
const LOOK_EVERY = 100;

/**
 * Passwords, encoded as Django does, so that the old shop verifies what we write.
 *
 * Hashes are the heaviest thing the service does. They wait in one queue for as many lanes as there are cores; when
 * the event loop is busy with logins, for one less, so that those do not wait behind hashes.
 */
@Injectable()
export class PasswordHasher {
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private typicalMs: number;
  private lanes = MOST_LANES;
  private looked = performance.eventLoopUtilization();
  private lookedAt = performance.now();

  constructor(private readonly config: Config) {
    this.typicalMs = COST_12_MS * 2 ** (config.BCRYPT_COST - 12);
  }

  /**
   * `bcrypt_sha256$$2b$…`: bcrypt of the lower-case hex SHA-256, so that nothing is cut at 72 bytes.
   * @throws Problem OVERLOADED when too many wait already
   */
  async hash(password: string): Promise<string> {
    return this.queued(async () => PREFIX + (await bcrypt.hash(hex(password), this.config.BCRYPT_COST)));
  }

  /**
   * Whether the password is the encoded one; without one (or with one that Django marks unusable) it never is,
   * and takes as long. A wrong one in an older format pays one bcrypt on top, for the same reason.
   * @throws Problem OVERLOADED when too many wait already
   */
  async matches(password: string, encoded: string | undefined): Promise<boolean> {
    return this.queued(async () => {
      if (encoded && this.isCurrent(encoded))
        return bcrypt.compare(hex(password), encoded.slice(PREFIX.length));
      if (encoded && (await matchesOld(password, encoded))) return true;
      await bcrypt.hash(hex(password), this.config.BCRYPT_COST);
      return false;
    });
  }

  /** Whether `hash` would write this format today; if not, the next good login re-hashes it. */
  isCurrent(encoded: string): boolean {
    const cost = /^bcrypt_sha256\$\$2b\$(\d\d)\$/.exec(encoded)?.[1];
    return cost !== undefined && Number(cost) >= this.config.BCRYPT_COST;
  }

  private async queued<T>(work: () => Promise<T>): Promise<T> {
    const wait = (this.waiting.length * this.typicalMs) / this.lanes;
    if (wait > LONGEST_WAIT) throw new Problem('OVERLOADED', { retryAfter: Math.ceil(wait / 1000) });
    if (this.running >= this.lanes) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.typicalMs += (performance.now() - start - this.typicalMs) / 8;
      this.running -= 1;
      this.admit();
    }
  }

  /** Counts those it lets in at once, so that nobody who comes in between can take their lane. */
  private admit(): void {
    this.lookAtLoop();
    while (this.running < this.lanes && this.waiting.length > 0) {
      this.running += 1;
      this.waiting.shift()!();
    }
  }

  private lookAtLoop(): void {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_EVERY) return;
    const busy = performance.eventLoopUtilization(this.looked).utilization > BUSY;
    this.lanes = busy ? Math.max(1, MOST_LANES - 1) : MOST_LANES;
    this.looked = performance.eventLoopUtilization();
    this.lookedAt = now;
  }
}

const hex = (password: string): string => createHash('sha256').update(password).digest('hex');

/** Django's other formats, and plain bcrypt. */
async function matchesOld(password: string, encoded: string): Promise<boolean> {
  const hash = encoded.replace(/^bcrypt(_sha256)?\$(?=\$2)/, '').replace(/^\$2y\$/, '$2b$');
  if (hash.startsWith('$2'))
    return bcrypt.compare(encoded.startsWith(PREFIX) ? hex(password) : password, hash);
  const [algorithm, rounds, salt, digest] = encoded.split('$');
  if (algorithm !== 'pbkdf2_sha256' || !rounds || !salt || !digest) return false;
  const expected = Buffer.from(digest, 'base64');
  const derived = await promisify(pbkdf2)(password, salt, Number(rounds), 32, 'sha256');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}
