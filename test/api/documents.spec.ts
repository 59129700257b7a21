import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inChinese, writeIntoDocuments } from '../../bench/documents.js';
import { RULES } from '../../src/limits/rules.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The documents in both languages, by the name of the English one without `.md`. */
const DOCUMENTS = [
  'README',
  'CHANGELOG',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md') && !file.endsWith('.zh-CN.md'))
    .map((file) => `docs/${file.replace('.md', '')}`),
];
const BLOCK = /^```(\w*)\n([\s\S]*?)^```$/gm;

const SECONDS: Readonly<Record<string, number>> = {
  '1 minute': 60,
  '1分钟': 60,
  '15 minutes': 900,
  '15分钟': 900,
  '1 hour': 3600,
  '1小时': 3600,
  '1 day': 86_400,
  '1天': 86_400,
};

it.each(['docs/security.md', 'docs/security.zh-CN.md'])(
  'the table of limits in %s has every rule with its number and window',
  (file) => {
    const rows = [...read(file).matchAll(/^\| `([\w-]+)` +\|(?:[^|]*\|){2} +([\d,]+) +\| ([^|]+) \|$/gm)];

    const documented = rows.map(([, rule = '', points = '', window = '']) => [
      rule,
      [Number(points.replaceAll(',', '')), SECONDS[window.trim()]],
    ]);

    expect(Object.fromEntries(documented)).toEqual(RULES);
  },
);

it.each(['docs/http-api.md', 'docs/http-api.zh-CN.md'])('%s names every route of openapi.json', (file) => {
  const { paths } = JSON.parse(read('openapi.json')) as { paths: Record<string, object> };
  const document = read(file).replaceAll(/<\w+>/g, '{id}');

  expect(Object.keys(paths).filter((path) => !document.includes(path))).toEqual([]);
});

it.each(['README.md', 'README.zh-CN.md', '.env.example'])('%s names every setting', (file) => {
  const settings = [...read('src/config/config.ts').matchAll(/^ .*readonly ([A-Z][A-Z0-9_]+)\b/gm)].map(
    ([, name]) => name!,
  );
  // The READMEs name the settings that a vendor of SMS requires. `.env.example` has the others.
  const named = file.startsWith('README')
    ? settings.filter((name) => !/^SMS_\w+_(?:ENDPOINT|REGION|TEMPLATE_PARAMS)$/.test(name))
    : settings;

  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(read(file)))).toEqual([]);
});

it('docs/spa.md names every export of qq-login.js and account.js', () => {
  const exported = ['public/qq-login.js', 'public/account.js'].flatMap((file) =>
    [...read(file).matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)].map(([, name]) => name!),
  );
  const documented = codeOf(read('docs/spa.md')).map((code) => /^\w*/.exec(code)![0]);

  expect(exported.length).toBeGreaterThan(25);
  expect(exported.filter((name) => !documented.includes(name))).toEqual([]);
});

it('docs/security.zh-CN.md has the state of every row of the standards', () => {
  const chinese = { met: '满足', partly: '部分', 'not met': '不满足', 'n/a': '不适用' };
  const states = (file: string, words: string[]) =>
    rowsOf(read(file)).flatMap((row) => {
      const [, rule, ...cells] = row.split('|').map((cell) => cell.trim());
      return cells.flatMap((cell) => (words.includes(cell) ? `${rule}: ${words.indexOf(cell)}` : []));
    });

  const documented = states('docs/security.md', Object.keys(chinese));

  expect(documented.length).toBeGreaterThan(150);
  expect(states('docs/security.zh-CN.md', Object.values(chinese))).toEqual(documented);
});

const PERFORMANCE = ['performance.md', 'performance.zh-CN.md'] as const;
const aroundMarkers = (document: string) => document.split(/<!-- bench: (?:start|end) -->/);

it('the measured figures are the same in both languages of docs/performance.md', () => {
  const measured = PERFORMANCE.map((file) => aroundMarkers(read(`docs/${file}`))[1]!);
  const unaligned = (section: string) => section.trim().replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-');

  expect(unaligned(measured[1]!)).toBe(unaligned(inChinese(measured[0]!)));
});

it('npm run bench -- --write replaces the figures in both languages, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'performance-'));
  for (const file of PERFORMANCE) copyFileSync(join(ROOT, 'docs', file), join(folder, file));
  const section = aroundMarkers(read('docs/performance.md'))[1]!
    .trim()
    .replaceAll(/\d+\/s/g, '4321/s');

  writeIntoDocuments(folder, section);

  for (const file of PERFORMANCE) {
    const [before, written, after] = aroundMarkers(readFileSync(join(folder, file), 'utf8'));
    expect(
      written?.match(/\d+\/s/g)?.filter((rate) => rate !== '4321/s'),
      file,
    ).toEqual([]);
    expect([before, after]).toEqual(
      aroundMarkers(read(`docs/${file}`)).filter((_part, index) => index !== 1),
    );
  }
  rmSync(folder, { recursive: true });
});

describe.each(DOCUMENTS)('%s.md and its Chinese translation', (name) => {
  const [english, chinese] = [read(`${name}.md`), read(`${name}.zh-CN.md`)];
  const both = (of: (document: string) => unknown) => expect(of(chinese)).toEqual(of(english));

  it('link to each other below their titles', () => {
    const file = name.split('/').at(-1);

    expect(english.split('\n')[2]).toBe(`[中文](${file}.zh-CN.md)`);
    expect(chinese.split('\n')[2]).toBe(`[English](${file}.md)`);
  });

  it('have the same headings, paragraphs, lists and tables', () => {
    both((document) => withoutBlocks(document).split(/\n\n+/).map(shapeOf));
  });

  it('have the same figures in their tables', () => {
    const figures = (cell: string) => (/^[\d.,:]+( ms| GB)?$/.test(cell) ? cell : '');

    both((document) => rowsOf(document).map((row) => row.split('|').map((cell) => figures(cell.trim()))));
  });

  it('have the same code between backticks', () => {
    both((document) => [...new Set(codeOf(withoutBlocks(document)))].toSorted());
  });

  it('have the same blocks of code, but for comments and the words of diagrams', () => {
    const blocks = [english, chinese].map((document) =>
      [...document.matchAll(BLOCK)].map(([, language, code = '']) => {
        const commands = code.replaceAll(/ *(?:#|\/\/) .*$/gm, '');
        return /^(?:mermaid)?$/.test(language!) ? wordsOf(commands) : commands;
      }),
    );

    expect(blocks[1]).toEqual(blocks[0]);
  });

  it('link to documents of their language, and to headings that exist', () => {
    for (const [file, document] of [
      [`${name}.md`, english],
      [`${name}.zh-CN.md`, chinese],
    ] as const) {
      const links = [
        ...document
          .split('\n')
          .slice(3)
          .join('\n')
          .matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g),
      ];
      for (const [link, path = '', anchor] of links) {
        const target = path ? normalize(join(dirname(file), path)) : file;
        expect(existsSync(join(ROOT, target)), `${file}: ${link}`).toBe(true);
        if (!target.endsWith('.md')) continue;
        expect(inLanguageOf(file, target), `${file}: ${link}`).toBe(target);
        if (anchor) expect(anchorsOf(read(target)), `${file}: ${link}`).toContain(anchor);
      }
    }
  });
});

const withoutBlocks = (document: string): string => document.replaceAll(BLOCK, '```');

const rowsOf = (document: string): string[] => withoutBlocks(document).match(/^\|.*\|$/gm) ?? [];

/** A heading with its level and the name of an alert, a table with the cells of its rows, or a list with the number of its lines. */
function shapeOf(block: string): string {
  const rows = block.trim().split('\n');
  const [mark = 'paragraph'] = /^(?:#+ [A-Z][a-z]+[A-Z]\w+$|#+|\||- |1\. |<\w+|```)/.exec(rows[0]!) ?? [];
  if (mark === '|') return `table ${rows.map((row) => row.split('|').length - 2).join(' ')}`;
  return mark === '- ' || mark === '1. ' ? `${mark}${rows.length}` : mark;
}

/** What stands between backticks; a placeholder such as `<mobile>` may be translated. */
const codeOf = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code.replaceAll(/<[^<>]+>/g, '<>'));

/** What a diagram says in both languages: calls, paths and arrows. */
const wordsOf = (diagram: string): string[] => diagram.match(/\w+\(|[\w/]+\/|--?>>?|→/g) ?? [];

/** The document that a link of `file` should name: a translated one in the language of `file`. */
function inLanguageOf(file: string, target: string): string {
  const [isChinese, base] = [file.endsWith('.zh-CN.md'), target.replace(/(?:\.zh-CN)?\.md$/, '')];
  return DOCUMENTS.includes(base) && isChinese ? `${base}.zh-CN.md` : `${base}.md`;
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(document: string): string[] {
  return [...withoutBlocks(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
