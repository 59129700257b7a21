import { mkdtempSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inject } from 'vitest';

// The embedded mode stores files below the working directory, so each test file has a directory of its own.
const checkout = resolve(import.meta.dirname, '../..');
const directory = mkdtempSync(join(inject('temporaryDirectory'), 'cwd-'));
symlinkSync(join(checkout, 'public'), join(directory, 'public'), 'junction');
process.chdir(directory);
