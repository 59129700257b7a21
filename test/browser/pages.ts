import { readFile } from 'node:fs/promises';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { withParts } from '../../src/http/page-parts.js';

const PUBLIC = new URL('../../public/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Serves the pages on a separate origin, as a shop with a separate API does. */
export class Pages {
  private constructor(
    private readonly server: Server,
    private readonly apiBase: string,
  ) {}

  static async serve(apiBase: string): Promise<Pages> {
    const server = createServer();
    const pages = new Pages(server, apiBase);
    server.on('request', (request, response) => {
      void pages.answer(request.url ?? '/', response);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return pages;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((closed) => {
      this.server.close(() => closed());
      this.server.closeAllConnections();
    });
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    const name = /^\/([\w-]+\.\w+)/.exec(url)?.[1] ?? 'index.html';
    const type = TYPES[name.split('.').pop() ?? ''] ?? 'text/plain';
    const text = await readFile(new URL(name, PUBLIC), 'utf8');
    response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': this.policy });
    const page = withParts(text, fileURLToPath(PUBLIC));
    response.end(page.replace('name="api-base" content="."', `name="api-base" content="${this.apiBase}"`));
  }

  private get policy(): string {
    return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' ${this.apiBase}; connect-src ${this.apiBase}; base-uri 'none'; form-action 'self'`;
  }
}
