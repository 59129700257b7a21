import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A page of `public/` with the parts that all pages share: each `<!-- part: NAME -->` is replaced by the file of this
 * name in `public/parts/`. Built pages have no such comment any more.
 */
export function withParts(html: string, folder: string): string {
  return html.replaceAll(/<!-- part: ([\w.-]+) -->/g, (_comment, name: string) =>
    readFileSync(join(folder, 'parts', name), 'utf8').trim(),
  );
}
