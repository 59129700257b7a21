import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the embedded mode keeps its database and its secret, below the working directory. */
const DATA_DIRECTORY = '.data';

/**
 * Adds a `JWT_SECRET` if development has none. It is made once per working directory, so that logins survive a restart.
 * Production gets none.
 */
export function withKeptSecret(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (env.JWT_SECRET || env.NODE_ENV === 'production') return env;
  return { ...env, JWT_SECRET: keptSecret() };
}

/** When two processes start at once, one makes the secret and both read it. */
function keptSecret(): string {
  const file = join(DATA_DIRECTORY, 'jwt-secret');
  const known = read(file);
  if (known !== undefined) return known;
  mkdirSync(DATA_DIRECTORY, { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  try {
    // A link appears with its whole content, and fails if the name exists.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(file, 'utf8');
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
