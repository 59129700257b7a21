import { expect, it } from 'vitest';
import { filesIn } from './spa-examples.js';

it('docs/spa.zh-CN.md has the same code as docs/spa.md, which the browser tests run', () => {
  const code = (document: string) => [...filesIn(document).values()].map((files) => [...files]);

  expect(code('spa.md').length).toBe(5);
  expect(code('spa.zh-CN.md')).toEqual(code('spa.md'));
});
