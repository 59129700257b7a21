import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/common/problem.js';
import { inEnglish } from '../../src/common/sentences.js';

const DOCUMENTS = ['http-api.md', 'http-api.zh-CN.md'];

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

describe('the error table', () => {
  it.each(DOCUMENTS)(
    'the error table of docs/%s has exactly the errors of problem.ts, with status and sentences',
    (name) => {
      const catalogue = Object.entries(PROBLEMS).map(
        ([code, [status, sentence]]) => `\`${code}\` | ${status} | ${sentence} | ${inEnglish(sentence)}`,
      );

      const document = readFileSync(resolve(import.meta.dirname, '../../docs', name), 'utf8');
      expect(rowsOf(document).toSorted()).toEqual(catalogue.toSorted());
    },
  );
});
