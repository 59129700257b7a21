import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import bcrypt from 'bcrypt';
import { Config } from '../config.js';
import { Problem } from '../problem.js';

const PREFIX = 'bcrypt_sha256$';
/** Longest wait for a hash, in ms, before the service says that it is overloaded. */
const LONGEST_WAIT = 15_000;
/** Milliseconds one hash of cost 12 takes on a small server: the first guess, until hashes have been measured. */
const COST_12_MS = 250;
const UV_POOL = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

/**
 * Passwords, encoded as Django does, so that the old shop verifies what we write.
 *
 * Hashes are the heaviest thing the service does. They wait in one queue for a few lanes: one core stays free for
 * logins, and one thread of libuv's pool for name look-ups and files.
 */
@Injectable()
export class PasswordHasher {
  private readonly lanes = Math.max(1, Math.min(availableParallelism(), UV_POOL) - 1);
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private typicalMs: number;

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
    // A lane that ends hands itself on to the next in the queue, so nobody who comes in between can take it.
    if (this.running >= this.lanes) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.typicalMs += (performance.now() - start - this.typicalMs) / 8;
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
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
