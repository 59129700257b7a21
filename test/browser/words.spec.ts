import ts from 'typescript';
import { expect, it } from 'vitest';
import { inEnglish, isSentence } from '../../src/common/sentences.js';
import { CHINESE, ENGLISH, modules, nodesOf, sentencesOfPages } from './words.js';

it('every sentence of the pages has an English translation, and no translation is unused', () => {
  const sentences = sentencesOfPages();

  expect([...sentences.keys()].filter((sentence) => !(sentence in ENGLISH))).toEqual([]);
  expect(Object.keys(ENGLISH).filter((chinese) => CHINESE.test(chinese) && !sentences.has(chinese))).toEqual(
    [],
  );
});

it('an English sentence has the same values as its Chinese', () => {
  const values = (sentence: string) => (sentence.match(/\{\w+\}/g) ?? []).toSorted();

  for (const [chinese, english] of Object.entries(ENGLISH))
    expect(values(english), chinese).toEqual(values(chinese));
});

it("the pages and the API translate a sentence alike, and so does qq-login.js' own", () => {
  const own = modules()
    .filter(({ fileName }) => fileName === 'qq-login.js')
    .flatMap((module) => [...nodesOf(module)].filter(ts.isArrayLiteralExpression))
    .map(({ elements }) => elements.filter(ts.isStringLiteralLike).map(({ text }) => text))
    .filter(([chinese = '']) => CHINESE.test(chinese)) as [string, string][];
  const shared = [...Object.entries(ENGLISH), ...own].filter(([chinese]) => isSentence(chinese));

  expect(shared.length).toBeGreaterThan(10);
  expect(shared.map(([chinese]) => [chinese, inEnglish(chinese)])).toEqual(shared);
});

it('the modules use only the syntax and interfaces of Chrome 70 and Safari 13', () => {
  const found = modules().flatMap((module) =>
    [...nodesOf(module)].filter(isTooNew).map((node) => `${module.fileName}: ${node.getText()}`),
  );

  expect(found).toEqual([]);
});

const TOO_NEW_TOKENS = new Set([
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.QuestionDotToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.PropertyDeclaration,
  ts.SyntaxKind.PrivateIdentifier,
  ts.SyntaxKind.BigIntLiteral,
  ts.SyntaxKind.ClassStaticBlockDeclaration,
]);
/** Interfaces that came later. `tsc -p public` checks the language's own (`lib`: ES2018). */
const TOO_NEW_NAMES =
  /^(replaceChildren|replaceAll|matchAll|flat|flatMap|fromEntries|allSettled|reportError|structuredClone|randomUUID|globalThis|canParse|hasOwn|timeout)$/;

function isTooNew(node: ts.Node): boolean {
  if (TOO_NEW_TOKENS.has(node.kind)) return true;
  if (ts.isRegularExpressionLiteral(node)) return /\(\?<|\/[a-z]*[vd][a-z]*$/.test(node.text);
  if (ts.isNumericLiteral(node)) return node.getText().includes('_');
  if (ts.isAwaitExpression(node)) return !ts.findAncestor(node, ts.isFunctionLike);
  return ts.isPropertyAccessExpression(node) && TOO_NEW_NAMES.test(node.name.text);
}
