import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { withParts } from './page-parts.js';
import { PageSettings } from './page-settings.controller.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** One year: the names of built assets change with their content. */
const FOR_GOOD = 'public, max-age=31536000, immutable';
/** Cached, but revalidated each time. The answer is mostly 304. */
const ASK_AGAIN = 'no-cache';

/** A file in each content encoding. */
interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
  readonly plain: Buffer;
  readonly br: Buffer;
  readonly gzip: Buffer;
}

/** Serves the login, callback and account pages, which are read and compressed at boot. Any other path is NOT_FOUND. */
export async function servePages(app: NestFastifyApplication): Promise<void> {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const folder = pagesFolder();
  const settings = new PageSettings(app.get(Config));
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  );
  for (const name of names.filter((known) => extname(known) in TYPES && !known.startsWith('parts/'))) {
    const content = readFileSync(join(folder, name));
    const file = pageFile(
      name,
      name.endsWith('.html') ? withSettings(withParts(content.toString(), folder), settings) : content,
    );
    for (const url of name === 'index.html' ? ['/', `/${name}`] : [`/${name}`])
      fastify.route({
        method: ['GET', 'HEAD'],
        url,
        handler: (request, reply) => answer(request, reply, file),
      });
  }
}

/** Puts the settings into the page, which saves it the request to `/page_settings/`. */
function withSettings(html: string, settings: PageSettings): Buffer {
  const json = JSON.stringify(settings).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return Buffer.from(
    html.replace('name="page-settings" content=""', () => `name="page-settings" content="${json}"`),
  );
}

function pageFile(name: string, plain: Buffer): PageFile {
  return {
    type: TYPES[extname(name)]!,
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    cacheControl: name.startsWith('assets/') ? FOR_GOOD : ASK_AGAIN,
    plain,
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    gzip: gzipSync(plain),
  };
}

function answer(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  void reply
    .header('Cache-Control', file.cacheControl)
    .header('ETag', file.etag)
    .header('Vary', 'Accept-Encoding');
  if (request.headers['if-none-match']?.includes(file.etag)) return reply.code(304).send();
  const encoding = encodingFor(request.headers['accept-encoding']);
  if (encoding !== 'plain') void reply.header('Content-Encoding', encoding);
  return reply.type(file.type).send(file[encoding]);
}

/** The smallest encoding that the browser accepts. A quality value of 0 refuses one (RFC 9110 §12.5.3). */
function encodingFor(accepted: string | string[] = ''): 'br' | 'gzip' | 'plain' {
  const taken = String(accepted)
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => !/;\s*q=0(\.0+)?$/.test(coding))
    .map((coding) => coding.replace(/\s*;.*/, '').toLowerCase());
  return taken.includes('br') ? 'br' : taken.includes('gzip') ? 'gzip' : 'plain';
}

/** `dist/public/` (made by `npm run build`) for the built service, otherwise `public/`. */
function pagesFolder(): string {
  const here = fileURLToPath(import.meta.url);
  if (!here.includes(join('dist', 'src'))) return join(here, '../../../public');
  const built = join(here, '../../../public');
  return existsSync(join(built, 'index.html')) ? built : join(here, '../../../../public');
}
