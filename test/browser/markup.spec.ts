import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HtmlValidate, FileSystemConfigLoader } from 'html-validate';
import { expect, it } from 'vitest';
import { PUBLIC } from './words.js';

const pages = readdirSync(PUBLIC).filter((name) => name.endsWith('.html'));
const validator = new HtmlValidate(new FileSystemConfigLoader());

it.each(pages)('%s is valid HTML', async (name) => {
  const { results } = await validator.validateFile(join(PUBLIC, name));

  expect(
    results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
  ).toEqual([]);
});

it.each(pages)('%s names files by relative addresses, so that it works under a path prefix', (name) => {
  const html = readFileSync(join(PUBLIC, name), 'utf8');

  expect([...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, url]) => url)).toSatisfy(
    (urls: string[]) => urls.length > 0 && urls.every((url) => /^(\.\/|#|$)/.test(url)),
  );
});
