import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HtmlValidate, FileSystemConfigLoader } from 'html-validate';
import { expect, it } from 'vitest';
import { PUBLIC, pageOf } from './words.js';

const pages = readdirSync(PUBLIC).filter((name) => name.endsWith('.html'));
const validator = new HtmlValidate(new FileSystemConfigLoader());

it.each(pages)('%s is valid HTML', async (name) => {
  const { results } = await validator.validateString(pageOf(name), join(PUBLIC, name));

  expect(
    results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
  ).toEqual([]);
});

it.each(pages)('%s preloads just the modules that its own needs', (name) => {
  const html = pageOf(name);
  const [, entry = ''] = /<script type="module" src="\.\/([\w-]+\.js)"/.exec(html) ?? [];
  const preloaded = [...html.matchAll(/rel="modulepreload" href="\.\/([\w-]+\.js)"/g)].map(
    ([, file]) => file!,
  );

  expect(preloaded.toSorted()).toEqual([...importsOf(entry)].filter((file) => file !== entry).toSorted());
});

/** A module of the pages and all that it imports, but what it loads later. */
function importsOf(module: string, found = new Set<string>()): Set<string> {
  if (found.has(module)) return found;
  found.add(module);
  const code = readFileSync(join(PUBLIC, module), 'utf8');
  for (const [, imported] of code.matchAll(/^(?:import|\}) .*?from '\.\/([\w-]+\.js)'/gm))
    importsOf(imported!, found);
  return found;
}

it.each(pages)('%s names files by relative addresses, so that it works under a path prefix', (name) => {
  const html = pageOf(name);

  expect([...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, url]) => url)).toSatisfy(
    (urls: string[]) => urls.length > 0 && urls.every((url) => /^(\.\/|#|$)/.test(url)),
  );
});
