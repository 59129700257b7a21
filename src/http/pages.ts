import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** A year: the version in the address changes with the content. */
const FOR_GOOD = 'public, max-age=31536000, immutable';
/** Kept, but asked for again each time; the answer is mostly 304. */
const ASK_AGAIN = 'no-cache';

/** A file of `public/`, in each encoding that browsers take. */
interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly br: Buffer;
  readonly gzip: Buffer;
}

/**
 * The login, callback and account pages of `public/`, read and compressed at boot. Every file has its own name, as it
 * has in the folder; the HTML names styles and modules below `assets/<version>/`, where browsers keep them for good.
 * Modules import each other relatively, so one version stands for all of them.
 */
export async function servePages(app: NestFastifyApplication): Promise<void> {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const { files, version } = readPages(publicFolder());
  for (const [name, file] of files) {
    const send = (request: FastifyRequest, reply: FastifyReply) => answer(request, reply, file, ASK_AGAIN);
    for (const url of name === 'index.html' ? ['/', `/${name}`] : [`/${name}`])
      fastify.route({ method: ['GET', 'HEAD'], url, handler: send });
    if (name.endsWith('.html')) continue;
    fastify.route<{ Params: { version: string } }>({
      method: ['GET', 'HEAD'],
      url: `/assets/:version/${name}`,
      // While versions change places, a page of one server asks another: it gets what is here, and does not keep it.
      handler: (request, reply) =>
        answer(request, reply, file, request.params.version === version ? FOR_GOOD : ASK_AGAIN),
    });
  }
}

function readPages(folder: string): { files: Map<string, PageFile>; version: string } {
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES);
  const contents = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  const hash = createHash('sha256');
  for (const [name, content] of contents) if (!name.endsWith('.html')) hash.update(name).update(content);
  const version = hash.digest('hex').slice(0, 12);
  const files = [...contents].map(([name, content]): [string, PageFile] => {
    const html = extname(name) === '.html';
    return [name, pageFile(name, html ? versioned(content, version) : content)];
  });
  return { files: new Map(files), version };
}

/** `"./form.js"` → `"./assets/<version>/form.js"`, and so for every asset that the page names. */
function versioned(html: Buffer, version: string): Buffer {
  return Buffer.from(html.toString().replace(/"\.\/([\w-]+\.(?:js|css|svg))"/g, `"./assets/${version}/$1"`));
}

function pageFile(name: string, plain: Buffer): PageFile {
  return {
    type: TYPES[extname(name)]!,
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    plain,
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    gzip: gzipSync(plain),
  };
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  file: PageFile,
  cacheControl: string,
): FastifyReply {
  void reply
    .header('Cache-Control', cacheControl)
    .header('ETag', file.etag)
    .header('Vary', 'Accept-Encoding');
  if (request.headers['if-none-match']?.includes(file.etag)) return reply.code(304).send();
  const encoding = encodingFor(request.headers['accept-encoding']);
  if (encoding !== 'plain') void reply.header('Content-Encoding', encoding);
  return reply.type(file.type).send(file[encoding]);
}

/** The smallest that the browser takes. A quality value of 0 refuses (RFC 9110 §12.5.3). */
function encodingFor(accepted: string | string[] = ''): 'br' | 'gzip' | 'plain' {
  const taken = String(accepted)
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => !/;\s*q=0(\.0+)?$/.test(coding))
    .map((coding) => coding.replace(/\s*;.*/, '').toLowerCase());
  return taken.includes('br') ? 'br' : taken.includes('gzip') ? 'gzip' : 'plain';
}

function publicFolder(): string {
  const here = fileURLToPath(import.meta.url);
  // From src/ as from dist/src/: the folder beside package.json.
  return join(here, here.includes(join('dist', 'src')) ? '../../../../public' : '../../../public');
}
