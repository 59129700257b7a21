import { expect, it } from 'vitest';
import { pooledRandomBytes } from './random-bytes.js';

it('gives as many random bytes as asked for, and none of them twice', () => {
  const given = Array.from({ length: 2000 }, (_, nth) => pooledRandomBytes(16 + (nth % 7)));

  expect(given.every((bytes, nth) => bytes.length === 16 + (nth % 7))).toBe(true);
  expect(new Set(given.map((bytes) => bytes.toString('hex'))).size).toBe(2000);
  const places = given.map((bytes) => `${bytes.buffer === given[0]!.buffer} ${bytes.byteOffset}`);
  expect(new Set(places.slice(0, 100)).size).toBe(100);
});
