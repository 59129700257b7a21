import { readFileSync } from 'node:fs';

const FROM_SOURCE = '../../package.json';
const FROM_BUILD = '../../../package.json';

/** The version in package.json. */
export const VERSION: string = (
  JSON.parse(
    readFileSync(
      new URL(import.meta.url.includes('/dist/src/') ? FROM_BUILD : FROM_SOURCE, import.meta.url),
      'utf8',
    ),
  ) as { version: string }
).version;
