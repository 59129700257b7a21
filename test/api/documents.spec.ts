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

it.each(['docs/http-api.md', 'docs/http-api.zh-CN.md'])('%s names every route of openapi.json', (file) => {
  const { paths } = JSON.parse(read('openapi.json')) as { paths: Record<string, object> };
  const document = read(file).replaceAll(/<\w+>/g, '{id}');

  expect(Object.keys(paths).filter((path) => !document.includes(path))).toEqual([]);
});

it('docs/operations.zh-CN.md has every alert, metric and command of docs/operations.md', () => {
  const facts = (file: string) => [
    ...new Set(read(file).match(/^### \w+$|`qq_account_[\w*]+`|`npm [\w: =-]+`|`[A-Z][A-Z_]{5,}`/gm)),
  ];

  expect(facts('docs/operations.md').length).toBeGreaterThan(40);
  expect(facts('docs/operations.zh-CN.md').toSorted()).toEqual(facts('docs/operations.md').toSorted());
});

it('docs/other-services.zh-CN.md has the code of docs/other-services.md', () => {
  const code = (file: string) => read(file).match(/^```[\s\S]*?^```$/gm);

  expect(code('docs/other-services.md')?.length).toBe(3);
  expect(code('docs/other-services.zh-CN.md')).toEqual(code('docs/other-services.md'));
});
