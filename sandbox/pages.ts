import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Html, html } from './html.js';

/**
 * Headers of every answer. Without `form-action`: Chromium also applies it to redirects of a form, and the consent
 * page's form redirects to the shop that asked. (`default-src` does not cover it.)
 */
export const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Serves the scripts and styles below `/pages/`. `style.css` is the shop's own. */
export async function servePageFiles(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: join(checkout(), 'sandbox', 'pages'),
    prefix: '/pages/',
    cacheControl: false,
  });
  const style = join(checkout(), 'public', 'style.css');
  app.get('/pages/style.css', async (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(await readFile(style)),
  );
}

/** The folder of the sources, also for the compiled sandbox in dist/. */
function checkout(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}

interface Page {
  readonly title: string;
  readonly body: Html;
  /** A script of `sandbox/pages`. */
  readonly script?: string;
  readonly status?: number;
  /** Whether the body brings several panels. Otherwise the page is one narrow panel. */
  readonly wide?: boolean;
}

/** Sends a page of the sandbox. */
export function sendPage(
  reply: FastifyReply,
  { title, body, script, status = 200, wide }: Page,
): FastifyReply {
  const heading = html`<h1>${title}</h1>`;
  const page = html`<!doctype html>
    <html lang="zh-CN">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · 沙箱</title>
        <link rel="icon" href="/pages/person.svg" />
        <link rel="stylesheet" href="/pages/style.css" />
        <link rel="stylesheet" href="/pages/sandbox.css" />
        ${script === undefined ? undefined : html`<script type="module" src="/pages/${script}"></script>`}
      </head>
      <body class="${wide ? 'wide' : 'narrow'}">
        <header>
          <a class="brand" href="/"
            ><img src="/pages/person.svg" alt="" width="28" height="28" /><span>沙箱</span></a
          >
          <nav aria-label="沙箱">
            <a href="/phone/">手机</a><a href="/events/">记录</a><a href="/faults/">故障</a>
          </nav>
        </header>
        <main>${wide ? html`${heading} ${body}` : html`<div class="panel">${heading} ${body}</div>`}</main>
        <footer>
          <p>
            仅供本机试用与测试：这里没有真正的QQ，也不会发出真正的短信。<span lang="en"
              >A stand-in for trying things out; neither QQ nor a phone company is involved.</span
            >
          </p>
        </footer>
      </body>
    </html> `;
  return reply.code(status).type('text/html; charset=utf-8').send(page.toString());
}
