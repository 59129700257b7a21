import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { withParts } from '../../src/http/page-parts.js';

export const PUBLIC = join(import.meta.dirname, '../../public');
/** The catalogue of `words-en.js`: English by Chinese. */
export const { ENGLISH } = (await import(join(PUBLIC, 'words-en.js'))) as { ENGLISH: Record<string, string> };

export const CHINESE = /\p{Script=Han}/u;

/** A page of `public/` as the service answers it. */
export const pageOf = (name: string): string => withParts(readFileSync(join(PUBLIC, name), 'utf8'), PUBLIC);

/** The modules in `public/`, parsed. */
export function modules(): ts.SourceFile[] {
  return readdirSync(PUBLIC)
    .filter((name) => name.endsWith('.js'))
    .map((name) =>
      ts.createSourceFile(name, readFileSync(join(PUBLIC, name), 'utf8'), ts.ScriptTarget.Latest, true),
    );
}

/** Every node of a module. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** The Chinese sentences of the pages: texts and attributes of the HTML, strings of the modules. */
export function sentencesOfPages(): Map<string, string> {
  const found = new Map<string, string>();
  const add = (text: string, place: string) => {
    const sentence = text.replace(/\s+/g, ' ').trim();
    if (CHINESE.test(sentence)) found.set(sentence, place);
  };
  for (const name of readdirSync(PUBLIC).filter((file) => file.endsWith('.html'))) {
    const body = pageOf(name).replace(/^[\s\S]*<body>/, '');
    for (const [, text = ''] of body.matchAll(/>([^<]+)</g)) add(text, name);
    for (const [, text = ''] of body.matchAll(/(?:aria-label|alt|title|data-busy)="([^"]*)"/g))
      add(text, name);
  }
  for (const module of modules()) {
    // These files contain both languages.
    if (['qq-login.js', 'words-en.js'].includes(module.fileName)) continue;
    for (const node of nodesOf(module)) if (ts.isStringLiteralLike(node)) add(node.text, module.fileName);
  }
  return found;
}
