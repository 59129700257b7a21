import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const { packages } = read('package-lock.json') as { packages: Record<string, Entry> };
const { version } = read('package.json') as { version: string };
const installed = Object.entries(packages).filter(([path]) => path !== '');

it('the lock file has an integrity for every package, including those for other platforms', () => {
  expect(installed.length).toBeGreaterThan(100);
  expect(installed.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
});

it('the lock file names no host, so that npm ci takes every package from the configured registry', () => {
  expect(installed.filter(([, { resolved }]) => resolved).map(([path]) => path)).toEqual([]);
});

it('no package runs an install script, so that npm ci fetches and compiles nothing', () => {
  expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript)).not.toEqual([]);

  // Every version of npm obeys this setting. Only the newest ones read `allowScripts` of package.json.
  expect(execFileSync('npm', ['config', 'get', 'ignore-scripts'], { encoding: 'utf8' }).trim()).toBe('true');
});

it('ioredis stays at the minor version whose private field src/redis uses', () => {
  expect(packages['']).toMatchObject({ dependencies: { ioredis: expect.stringMatching(/^~5\.11\./) } });
  expect(packages['node_modules/ioredis']?.version).toMatch(/^5\.11\./);
});

it('the lock file and the changelog have the version of package.json', () => {
  expect(packages['']?.version).toBe(version);
  expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`\n## ${version}\n`);
});

function read(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
