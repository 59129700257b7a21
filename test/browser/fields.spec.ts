import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { PUBLIC } from './words.js';

interface Rule {
  readonly tidy: (value: string) => string;
  readonly fault: (value: string) => string;
}
// The modules of the pages read them when they are loaded.
vi.stubGlobal('navigator', { language: 'zh-CN', languages: ['zh-CN'] });
vi.stubGlobal('document', { documentElement: {}, querySelector: () => null, getElementById: () => null });
const { RULES } = (await import(join(PUBLIC, 'fields.js'))) as { RULES: Record<'mobile', Rule> };
vi.unstubAllGlobals();

it.each([
  '13800138000',
  ' 138 0013 8000 ',
  '138-0013-8000',
  '138\u20130013\u20148000',
  '138\u201000138\u2011000',
  '\u202d13800138000\u202c',
  '\u2066+86 138 0013 8000\u2069',
  '138\u200b0013\u200c8000\u200d',
  '\ufeff13800138000',
  '138\u00ad00138000',
  '138\u00a00013\u30008000',
  '(+86) 138.0013.8000',
  '（86）13800138000',
  '[86]138·0013·8000',
  '008613800138000',
  '１３８００１３８０００',
])('a pasted mobile is tidied to its eleven digits: %j', (pasted) => {
  expect(RULES.mobile.tidy(pasted)).toBe('13800138000');
});

it.each(['138001380', '12800138000', '+1 212 555 0100', '1380013800O', '138001380001'])(
  'what is no mobile does not become one: %j',
  (typed) => {
    expect(RULES.mobile.tidy(typed)).not.toMatch(/^1[3-9]\d{9}$/);
  },
);
