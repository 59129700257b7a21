import { readFileSync } from 'node:fs';
import { loadEnvFile as loadIntoEnvironment } from 'node:process';
import { OperatorError } from '../common/operator-error.js';

const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*=[ \t]*(.*)$/;
const QUOTES = ['"', "'", '`'];

/**
 * Reads `.env` into the environment if the file exists. Variables that are already set keep their value.
 * @throws OperatorError naming the line of a value that the file's format would cut
 */
export function loadEnvFile(path = '.env'): void {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const faults = cutValues(text).map(
    ({ line, name, why }) => `${path} line ${line}: ${name} ${why}; put the value in single quotes`,
  );
  if (faults.length > 0) throw new OperatorError(`Configuration refused:\n  ${faults.join('\n  ')}`);
  loadIntoEnvironment(path);
}

interface CutValue {
  readonly line: number;
  readonly name: string;
  readonly why: string;
}

/**
 * Values of which Node's parser would silently drop a part: `#` starts a comment in an unquoted value, and text after a
 * closing quote is ignored. A `#` after a space is an intended comment.
 */
export function cutValues(text: string): CutValue[] {
  const faults: CutValue[] = [];
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const [, name, value = ''] = ASSIGNMENT.exec(lines[index]!) ?? [];
    if (name === undefined) continue;
    const line = index + 1;
    const quote = QUOTES.find((mark) => value.startsWith(mark));
    if (!quote) {
      if (/\S#|^#\S/.test(value)) faults.push({ line, name, why: 'has a # that begins a comment' });
      continue;
    }
    let rest = value.slice(1);
    // A quoted value may span several lines.
    while (!rest.includes(quote) && index + 1 < lines.length) rest += `\n${lines[++index]!}`;
    const end = rest.indexOf(quote);
    if (end < 0) {
      faults.push({ line, name, why: 'has an opening quote and no closing one' });
      index = line - 1;
    } else if (!/^\s*(?:#.*)?$/.test(rest.slice(end + 1)))
      faults.push({ line, name, why: 'goes on after its closing quote' });
  }
  return faults;
}
