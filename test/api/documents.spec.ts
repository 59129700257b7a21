import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RULES } from '../../src/limits/rules.js';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

const SECONDS: Readonly<Record<string, number>> = {
  '1 minute': 60,
  '15 minutes': 900,
  '1 hour': 3600,
  '1 day': 86_400,
};

it('the table of limits in docs/security.md has every rule with its number and window', () => {
  const rows = [
    ...read('docs/security.md').matchAll(/^\| `([\w-]+)` +\|(?:[^|]*\|){2} +([\d,]+) +\| ([^|]+) \|$/gm),
  ];

  const documented = rows.map(([, rule = '', points = '', window = '']) => [
    rule,
    [Number(points.replaceAll(',', '')), SECONDS[window.trim()]],
  ]);

  expect(Object.fromEntries(documented)).toEqual(RULES);
});

it('docs/http-api.md names every route of openapi.json', () => {
  const { paths } = JSON.parse(read('openapi.json')) as { paths: Record<string, object> };
  const document = read('docs/http-api.md').replaceAll(/<\w+>/g, '{id}');

  expect(Object.keys(paths).filter((path) => !document.includes(path))).toEqual([]);
});
