import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLocalPath } from './local-path.js';

describe('isLocalPath', () => {
  it.each(['/', '/cart.html', '/a/b?c=d&e=%2F#f', '/商品/1', '/%E5%95%86', `/${'a'.repeat(199)}`])(
    'isLocalPath accepts %j',
    (next) => {
      expect(isLocalPath(next)).toBe(true);
    },
  );

  it.each([
    '',
    'cart.html',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/%2Fevil.example',
    '/%5Cevil.example',
    '/%0d%0aSet-Cookie:a=b',
    '/a\tb',
    '/a\nb',
    '/\t/evil.example',
    '/a%00',
    '/100%',
    '/\ud800',
    ' /cart.html',
    `/${'a'.repeat(200)}`,
    `/${'商'.repeat(23)}`,
  ])('isLocalPath refuses %j', (next) => {
    expect(isLocalPath(next)).toBe(false);
  });

  it('isLocalPath accepts nothing that a browser would follow to another site', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('/', '\\', '%2f', '%5c', '\t', '\n', '@', ':', '.', 'evil', '\u0000', '?', '#'),
    });

    fc.assert(
      fc.property(hostile, (rest) => {
        const next = `/${rest}`;
        if (isLocalPath(next))
          expect(new URL(next, 'https://shop.example').origin).toBe('https://shop.example');
      }),
      { numRuns: 5000 },
    );
  });
});
