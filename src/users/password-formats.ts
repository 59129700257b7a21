import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import bcrypt from 'bcrypt';

/** Compares a password with an encoded one; undefined if the encoded one is malformed. */
export type Comparison = (password: string) => Promise<boolean | undefined>;

/** The format that we write: bcrypt of the hex SHA-256, in Django's encoding. */
export const OUR_PREFIX = 'bcrypt_sha256$';

/**
 * The highest cost of an encoded password that is checked. A costlier one counts as malformed: it would occupy a hash
 * lane for minutes, or take the memory of the process.
 */
const MOST_ROUNDS = 10_000_000;
const BCRYPT_COSTS = { least: 4, most: 16 };
const ARGON2 = { memoryKiB: 256 * 1024, passes: 64, lanes: 64, memoryTimesPasses: 1024 * 1024 };

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const BASE64 = '[A-Za-z0-9+/]';
const PBKDF2 = new RegExp(`^pbkdf2_(sha1|sha256)\\$([1-9]\\d{0,8})\\$([^$]+)\\$(${BASE64}+={0,2})$`);
const ARGON2_PHC = new RegExp(
  `^argon2(\\$argon2(?:i|d|id)(?:\\$v=\\d+)?\\$m=(\\d{1,9}),t=(\\d{1,9}),p=(\\d{1,9})\\$${BASE64}+\\$${BASE64}+)$`,
);
const DIGEST_BYTES = { sha1: 20, sha256: 32 };

/**
 * Parses one of Django's encodings (`<algorithm>$…`) or plain bcrypt (`$2b$…`).
 * @returns undefined when it is malformed, of an unsupported format, or too expensive to check
 */
export function readEncoded(encoded: string): Comparison | undefined {
  const [algorithm] = encoded.split('$', 1);
  switch (algorithm) {
    case '':
      return readBcrypt(encoded, (password) => password);
    case 'bcrypt':
      return readBcrypt(encoded.slice('bcrypt$'.length), (password) => password);
    case 'bcrypt_sha256':
      return readBcrypt(encoded.slice(OUR_PREFIX.length), hexSha256);
    case 'pbkdf2_sha1':
    case 'pbkdf2_sha256':
      return readPbkdf2(encoded);
    case 'argon2':
      return readArgon2(encoded);
    default:
      return undefined;
  }
}

/** Whether Django has marked the account as having no password. */
export function isUnusable(encoded: string): boolean {
  return encoded === '' || encoded.startsWith('!');
}

/** The input that Django's BCryptSHA256PasswordHasher gives to bcrypt, which would cut a longer text at 72 bytes. */
export function hexSha256(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}

function readBcrypt(hash: string, prepare: (password: string) => string): Comparison | undefined {
  const cost = Number(BCRYPT.exec(hash)?.[1]);
  if (!(cost >= BCRYPT_COSTS.least && cost <= BCRYPT_COSTS.most)) return undefined;
  // PHP's prefix for the same algorithm. The library does not know it.
  const known = hash.replace(/^\$2y\$/, '$2b$');
  return (password) => bcrypt.compare(prepare(password), known);
}

function readPbkdf2(encoded: string): Comparison | undefined {
  const [, digest, rounds, salt, base64] = PBKDF2.exec(encoded) ?? [];
  if (!digest || !salt || !base64 || Number(rounds) > MOST_ROUNDS) return undefined;
  const length = DIGEST_BYTES[digest as keyof typeof DIGEST_BYTES];
  const expected = Buffer.from(base64, 'base64');
  if (expected.length !== length) return undefined;
  return async (password) =>
    timingSafeEqual(expected, await promisify(pbkdf2)(password, salt, Number(rounds), length, digest));
}

function readArgon2(encoded: string): Comparison | undefined {
  const [, phc, ...numbers] = ARGON2_PHC.exec(encoded) ?? [];
  const [memory = 0, passes = 0, lanes = 0] = numbers.map(Number);
  const affordable =
    memory <= ARGON2.memoryKiB &&
    passes <= ARGON2.passes &&
    lanes <= ARGON2.lanes &&
    memory * passes <= ARGON2.memoryTimesPasses;
  if (!phc || !affordable) return undefined;
  return async (password) => {
    // Loaded for the first such password: most shops have none.
    const { verify } = await import('@node-rs/argon2');
    // It rejects only for parameters, salts and digests that the algorithm does not allow: the row is malformed.
    return verify(phc, password).catch(() => undefined);
  };
}
