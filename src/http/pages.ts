import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** The login, callback and account pages of `public/`. */
export async function servePages(app: NestFastifyApplication): Promise<void> {
  await app.register(fastifyStatic, {
    // From src/ as from dist/src/: the folder beside package.json.
    root: publicFolder(),
    prefix: '/',
    // Each file a route of its own: what is not there is the API's NOT_FOUND.
    wildcard: false,
    globIgnore: ['**/*.json'],
    cacheControl: false,
    setHeaders: (reply) => void reply.header('Cache-Control', 'no-cache'),
  });
}

function publicFolder(): string {
  const here = fileURLToPath(import.meta.url);
  return join(here, here.includes(join('dist', 'src')) ? '../../../../public' : '../../../public');
}
