import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { renderAsync } from '@resvg/resvg-js';
import { Redis } from 'ioredis';
import svgCaptcha from 'svg-captcha';
import { Problem } from '../common/problem.js';
import { Limits } from '../limits/limits.js';

/** Seconds a picture is good for. */
const TTL = 300;
const LENGTH = 4;
/** `A-Z 2-9` without what a person mistakes: I/1, O/Q/0, Z/2, S/5, B/8. */
const LETTERS = 'ACDEFGHJKLMNPRTUVWXY34679';

/** The package itself can be called (README, "svgCaptcha(text, options)"), which its types leave out; `create` would draw the text from Math.random. */
const outlines = svgCaptcha as unknown as (
  text: string,
  options: Parameters<typeof svgCaptcha.create>[0],
) => string;

/** The text, and gone: redeeming is reading once. */
const REDEEM = `
  local text = redis.call('GET', KEYS[1])
  redis.call('DEL', KEYS[1])
  return text`;

export interface Picture {
  readonly text: string;
  readonly png: Buffer;
}

/** Picture codes: what stands between a program and somebody's phone. */
@Injectable()
export class ImageCodeService {
  constructor(
    private readonly redis: Redis,
    private readonly limits: Limits,
  ) {}

  /**
   * Draws the picture of `id` (a UUID), in place of any drawn for it before.
   * @throws Problem TOO_MANY_REQUESTS
   */
  async draw(id: string, network: string): Promise<Picture> {
    await this.limits.take({ 'pictures-per-ip': network });
    const text = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
    const svg = outlines(text, { width: 120, height: 44, noise: 3, color: true, background: '#f4f6f8' });
    // A PNG, because the outlines of an SVG give its text away.
    const png = (await renderAsync(svg, { font: { loadSystemFonts: false } })).asPng();
    await this.redis.set(keyOf(id), text, 'EX', TTL);
    return { text, png };
  }

  /**
   * Uses the picture up, right or wrong; read in any case.
   * @throws Problem IMAGE_CODE_INVALID
   */
  async redeem(id: string, text: string): Promise<void> {
    const drawn = await this.redis.eval(REDEEM, 1, keyOf(id));
    if (drawn === null || drawn !== text.toUpperCase()) throw new Problem('IMAGE_CODE_INVALID');
  }
}

const keyOf = (id: string): string => `qq:image_code:${id.toLowerCase()}`;
