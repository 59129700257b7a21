import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { PUBLIC } from './words.js';

const ROOT = join(PUBLIC, '..');

it('qq-login.d.ts is what `npm run types` makes of qq-login.js', async () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { types: string };
  };
  const folder = mkdtempSync(join(tmpdir(), 'types-'));
  const [, options = ''] = /^tsc (.*) --outDir public &&/.exec(scripts.types) ?? [];
  expect(options).not.toBe('');

  execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', ...options.split(' '), '--outDir', folder],
    { cwd: ROOT },
  );

  const made = readFileSync(join(folder, 'qq-login.d.ts'), 'utf8');
  rmSync(folder, { recursive: true });
  const path = join(PUBLIC, 'qq-login.d.ts');
  expect(await format(made, { ...(await resolveConfig(path)), filepath: path })).toBe(
    readFileSync(path, 'utf8'),
  );
}, 60_000);
