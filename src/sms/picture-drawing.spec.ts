import { describe, expect, it } from 'vitest';
import { contrast, drawText, PICTURE_SIZE } from './picture-drawing.js';

const rgb = (hex: string) =>
  [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16)) as [number, number, number];
const coloursOf = (svg: string) => [...new Set([...svg.matchAll(/#[0-9a-f]{6}/g)].map(([hex]) => hex))];
const outlinesOf = (svg: string) => [...svg.matchAll(/<path d="(M[^"]+)" fill="#/g)].map(([, path]) => path!);
const pointsOf = (path: string) =>
  [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));

/** The angle (rad) between the longest edge of an outline, the stem of an E, and upright. */
function leaning(path: string): number {
  const points = pointsOf(path);
  const edges = points.slice(1).map((to, nth) => ({ x: to.x - points[nth]!.x, y: to.y - points[nth]!.y }));
  const { x, y } = edges.toSorted((a, b) => Math.hypot(b.x, b.y) - Math.hypot(a.x, a.y))[0]!;
  return Math.atan(x / y);
}

it('contrast returns the values of WCAG', () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 1);
  expect(contrast(rgb('#767676'), [255, 255, 255])).toBeCloseTo(4.54, 2);
});

describe('a picture', () => {
  const pictures = Array.from({ length: 200 }, () => drawText('AKWM'));

  it('a picture has a background and one colour, with a contrast of at least 4.5:1', () => {
    for (const svg of pictures) {
      const [background, colour, ...more] = coloursOf(svg);
      expect(more).toEqual([]);
      expect(contrast(rgb(background!), rgb(colour!))).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('a picture keeps its letters inside and in order, and each touches the next', () => {
    for (const svg of pictures) {
      const boxes = outlinesOf(svg).map((path) => {
        const points = pointsOf(path);
        const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
        // One comparison for each edge: an assertion for every point would take seconds.
        expect(Math.min(...xs)).toBeGreaterThan(-1);
        expect(Math.max(...xs)).toBeLessThan(PICTURE_SIZE.width + 1);
        expect(Math.min(...ys)).toBeGreaterThan(-1);
        expect(Math.max(...ys)).toBeLessThan(PICTURE_SIZE.height + 1);
        return { left: Math.min(...xs), right: Math.max(...xs) };
      });
      expect(boxes).toHaveLength(4);
      for (const [nth, { left }] of boxes.entries()) {
        if (nth === 0) continue;
        expect(left).toBeGreaterThan(boxes[nth - 1]!.left);
        // The wave moves neighbours apart by a few pixels at most.
        expect(left).toBeLessThan(boxes[nth - 1]!.right + 4);
      }
    }
  });

  it('a picture turns its letters to the left and to the right', () => {
    const angles = Array.from({ length: 200 }, () => leaning(outlinesOf(drawText('EKWM'))[0]!));

    expect(angles.filter((angle) => angle > 0.25).length).toBeGreaterThan(10);
    expect(angles.filter((angle) => angle < -0.25).length).toBeGreaterThan(10);
  });

  it('a picture draws the same letter differently each time', () => {
    expect(new Set(pictures.map((svg) => outlinesOf(svg)[0])).size).toBe(200);
    expect(new Set(pictures.map((svg) => coloursOf(svg)[1])).size).toBeGreaterThan(100);
  });
});
