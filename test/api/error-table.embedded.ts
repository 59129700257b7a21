import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/common/problem.js';
import { inEnglish } from '../../src/common/sentences.js';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/http-api.md');

/** The table's rows, without the padding that Prettier adds to cells. */
const rowsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+` /.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, 5)
        .map((cell) => cell.trim())
        .join(' | '),
    );

describe('the error table of docs/http-api.md', () => {
  it('the error table of docs/http-api.md has exactly the errors of problem.ts, with status and sentences', () => {
    const catalogue = Object.entries(PROBLEMS).map(
      ([code, [status, sentence]]) => `\`${code}\` | ${status} | ${sentence} | ${inEnglish(sentence)}`,
    );

    expect(rowsOf(readFileSync(DOCUMENT, 'utf8')).toSorted()).toEqual(catalogue.toSorted());
  });
});
