import { randomInt } from 'node:crypto';
import svgCaptcha from 'svg-captcha';

/** In CSS pixels. The PNG has twice as many. */
export const PICTURE_SIZE = { width: 120, height: 44 } as const;
const BACKGROUND = '#f4f6f8';
/** WCAG 2.2, 1.4.3. */
const LEAST_CONTRAST = 4.5;

interface Point {
  readonly x: number;
  readonly y: number;
}
type Move = (point: Point) => Point;

/** One command of an outline. A curve has one or two control points. */
type Command = Partial<Record<'x' | 'y' | 'x1' | 'y1' | 'x2' | 'y2', number>> & { readonly type: string };

interface Font {
  charToGlyph(letter: string): { getPath(x: number, y: number, size: number): { commands: Command[] } };
}

/** The package contains a font, read with opentype.js. Its types omit both. */
const { font } = (svgCaptcha as unknown as { options: { font: Font } }).options;

/**
 * The text as an SVG. Each letter is turned, sheared, scaled and shifted at random and touches its neighbours. A wave
 * deforms the whole text, and lines in the same colour cross it. This slows a program down but does not stop it.
 */
export function drawText(text: string): string {
  const { width, height } = PICTURE_SIZE;
  const colour = darkColour();
  const letters = placed(Array.from(text, letterOutline));
  const wave = waveOf();
  const outlines = letters.map(
    (commands) =>
      `<path d="${pathOf(commands, wave)}" fill="${colour}" stroke="${colour}" stroke-width="${between(0.2, 0.6)}"/>`,
  );
  const lines = Array.from({ length: 2 }, () => lineAcross(colour));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="100%" height="100%" fill="${BACKGROUND}"/>${[...outlines, ...lines].join('')}</svg>`
  );
}

/** The outline of a letter, centred at 0/0. */
function letterOutline(letter: string): Command[] {
  const { commands } = font.charToGlyph(letter).getPath(0, 0, between(38, 46));
  const { left, right, top, bottom } = boxOf(commands);
  const [angle, shear] = [between(-0.4, 0.4), between(-0.25, 0.25)];
  const [wide, high] = [between(0.85, 1.15), between(0.85, 1.15)];
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return moved(commands, ({ x, y }) => {
    const centred = { x: (x - (left + right) / 2) * wide, y: (y - (top + bottom) / 2) * high };
    const sheared = { x: centred.x + shear * centred.y, y: centred.y };
    return { x: sheared.x * cos - sheared.y * sin, y: sheared.x * sin + sheared.y * cos };
  });
}

/** Puts the letters side by side, slightly overlapping, inside the picture. */
function placed(letters: readonly Command[][]): Command[][] {
  const { width, height } = PICTURE_SIZE;
  let end = 0;
  const inLine = letters.map((commands) => {
    const { left, right } = boxOf(commands);
    const from = end - left - (end === 0 ? 0 : between(0.5, 2.5));
    end = from + right;
    return moved(commands, ({ x, y }) => ({ x: x + from, y }));
  });
  const tallest = Math.max(...inLine.map(boxOf).map(({ top, bottom }) => bottom - top));
  const scale = Math.min(1.4, (width - 10) / end, (height - 8) / tallest);
  const free = width - 8 - end * scale;
  const offset = 4 + between(0, Math.max(free, 0.1));
  return inLine.map((commands) => {
    const letter = boxOf(commands);
    const half = ((letter.bottom - letter.top) / 2) * scale;
    const room = Math.max(height / 2 - half - 3, 0.1);
    const middle = height / 2 + between(-room, room) - ((letter.top + letter.bottom) / 2) * scale;
    return moved(commands, ({ x, y }) => ({ x: x * scale + offset, y: y * scale + middle }));
  });
}

function waveOf(): Move {
  const [high, wide] = [between(0.8, 2), between(0.8, 2)];
  const [perWidth, perHeight] = [between(0.08, 0.16), between(0.1, 0.25)];
  const [startX, startY] = [between(0, 6.28), between(0, 6.28)];
  return ({ x, y }) => ({
    x: x + wide * Math.sin(y * perHeight + startX),
    y: y + high * Math.sin(x * perWidth + startY),
  });
}

function lineAcross(colour: string): string {
  const { width, height } = PICTURE_SIZE;
  const at = (from: number, to: number) => `${between(from, to)} ${between(6, height - 6)}`;
  const curve = `M${at(0, 20)} C${at(20, 50)},${at(60, 90)},${at(width - 20, width)}`;
  return `<path d="${curve}" fill="none" stroke="${colour}" stroke-width="${between(0.8, 1.3)}"/>`;
}

function moved(commands: readonly Command[], move: Move): Command[] {
  return commands.map((command) => {
    const next: Record<string, number | string> = { type: command.type };
    for (const nth of ['', '1', '2'] as const) {
      const [x, y] = [command[`x${nth}`], command[`y${nth}`]];
      if (x === undefined || y === undefined) continue;
      ({ x: next[`x${nth}`], y: next[`y${nth}`] } = move({ x, y }));
    }
    return next as unknown as Command;
  });
}

function pathOf(commands: readonly Command[], wave: Move): string {
  return moved(commands, wave)
    .map((command) => {
      const points = (['1', '2', ''] as const)
        .filter((nth) => command[`x${nth}`] !== undefined)
        .map((nth) => `${command[`x${nth}`]!.toFixed(2)} ${command[`y${nth}`]!.toFixed(2)}`);
      return command.type + points.join(' ');
    })
    .join('');
}

function boxOf(commands: readonly Command[]): { left: number; right: number; top: number; bottom: number } {
  const points = commands.filter(({ x }) => x !== undefined) as unknown as Point[];
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** A colour of any hue, as light as the contrast to the background allows. */
function darkColour(): string {
  const [hue, saturation] = [between(0, 360), between(0.4, 0.9)];
  for (let lightness = between(0.25, 0.45); ; lightness -= 0.02) {
    const rgb = rgbOf(hue, saturation, lightness);
    if (contrast(rgb, rgbOfHex(BACKGROUND)) >= LEAST_CONTRAST)
      return `#${rgb.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  }
}

type Rgb = [number, number, number];

/** https://www.w3.org/TR/css-color-4/#hsl-to-rgb */
function rgbOf(hue: number, saturation: number, lightness: number): Rgb {
  const part = (offset: number) => {
    const k = (offset + hue / 30) % 12;
    const spread = saturation * Math.min(lightness, 1 - lightness);
    return Math.floor(255 * (lightness - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

function rgbOfHex(hex: string): Rgb {
  return [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16)) as Rgb;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one: Rgb, other: Rgb): number {
  const luminance = (rgb: Rgb) => {
    const [r, g, b] = rgb.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    }) as Rgb;
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** From the CSPRNG: the next picture cannot be predicted from earlier ones. */
function between(from: number, to: number): number {
  return Math.round((from + (randomInt(1_000_000) / 1_000_000) * (to - from)) * 1000) / 1000;
}
