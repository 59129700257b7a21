import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Client } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Config } from '../config/config.js';
import { Limits } from '../limits/limits.js';
import { Script } from '../redis/script.js';
import { HumanCheck, HumanProof } from './human-check.js';

/** Seconds that a picture is valid. */
const TTL = 300;
const LENGTH = 4;
/** `A-Z 2-9` without characters that people confuse: I/1, O/Q/0, Z/2, S/5, B/8, A/4. */
export const LETTERS = 'ACDEFGHJKLMNPRTUVWXY3679';
/** Pictures that may wait to be rendered. Each takes about 10 ms, so the last one waits about a second. */
const LONGEST_QUEUE = 100;

/** Returns the text and deletes it, so that a picture is used at most once. */
const REDEEM = new Script(`
  local text = redis.call('GET', KEYS[1])
  redis.call('DEL', KEYS[1])
  return text or ''`);

export interface Picture {
  readonly text: string;
  readonly png: Buffer;
}

/** Pictures with a text to copy. A small program can read them; they slow it down and cost it a request. */
@Injectable()
export class ImageCodeService extends HumanCheck {
  readonly fields = { image_code_id: '图形验证码编号应为UUID', image_code: '请输入图形验证码' } as const;
  private rendering: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly redis: Redis,
    private readonly config: Config,
    private readonly limits: Limits,
  ) {
    super();
  }

  /**
   * Draws the picture of `id` (a UUID) and replaces any earlier one.
   * @throws Problem NOT_FOUND unless `HUMAN_CHECK` has `picture`, TOO_MANY_REQUESTS, OVERLOADED
   */
  async draw(id: string, { network }: Client): Promise<Picture> {
    if (!this.config.HUMAN_CHECK.includes('picture')) throw new Problem('NOT_FOUND');
    await this.limits.take({ 'pictures-per-ip': network });
    const text = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
    const png = await this.render(text);
    await this.redis.set(keyOf(id), text, 'EX', TTL);
    return { text, png };
  }

  isIn({ imageCodeId, imageCode }: HumanProof): boolean {
    return imageCodeId !== undefined && imageCode !== undefined;
  }

  /**
   * Uses up the picture, whether the text is right or wrong. Upper and lower case are equal.
   * @throws Problem IMAGE_CODE_INVALID
   */
  async redeem({ imageCodeId = '', imageCode = '' }: HumanProof): Promise<void> {
    const drawn = await REDEEM.run(this.redis, [keyOf(imageCodeId)]);
    if (drawn === '' || drawn !== imageCode.toUpperCase()) throw new Problem('IMAGE_CODE_INVALID');
  }

  /** Renders one picture at a time. Rendering uses libuv's threads, like password hashes and name look-ups. */
  private async render(text: string): Promise<Buffer> {
    if (this.waiting >= LONGEST_QUEUE) throw new Problem('OVERLOADED', { retryAfter: 1 });
    this.waiting += 1;
    try {
      const png = this.rendering.then(() => png2x(text));
      this.rendering = png.catch(() => undefined);
      return await png;
    } finally {
      this.waiting -= 1;
    }
  }
}

/**
 * Renders a PNG, because the outlines of an SVG reveal its text. Font and renderer take 5 MB, so they are loaded for
 * the first picture; production without `picture` in `HUMAN_CHECK` draws none.
 */
async function png2x(text: string): Promise<Buffer> {
  const { renderAsync } = await import('@resvg/resvg-js');
  const { drawText, PICTURE_SIZE } = await import('./picture-drawing.js');
  const fitTo = { mode: 'width', value: PICTURE_SIZE.width * 2 } as const;
  return (await renderAsync(drawText(text), { font: { loadSystemFonts: false }, fitTo })).asPng();
}

const keyOf = (id: string): string => `qq:image_code:${id.toLowerCase()}`;
