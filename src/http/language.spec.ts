import { describe, expect, it } from 'vitest';
import { prefersEnglish } from './language.js';

describe('prefersEnglish', () => {
  it.each([
    'en',
    'en-US',
    'EN',
    'en-US,en;q=0.9,zh-CN;q=0.8',
    'fr,en;q=0.5',
    'zh;q=0.1,en;q=0.2',
    'zh;q=0,en;q=0.1',
  ])('prefersEnglish is true for %s', (header) => {
    expect(prefersEnglish(header)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*',
    'fr',
    'zh-CN',
    'zh-CN,zh;q=0.9,en;q=0.8',
    'zh,en',
    'en;q=0',
    'en;q=x,zh;q=0.1',
    ';;,,',
    'english',
  ])('prefersEnglish is false for %s', (header) => {
    expect(prefersEnglish(header)).toBe(false);
  });
});
