import { defineConfig } from 'vitest/config';
import { findServers, missingServers } from './test/support/servers.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

const found = findServers();

/** The same suites by the front door, once on what is embedded and once on real servers. */
const bothWays = ['test/**/*.e2e.ts'];

export default defineConfig({
  test: {
    globalSetup: 'test/support/run.setup.ts',
    reporters: ['default', new SummaryReporter(missingServers(found))],
    // Every file is a service with its hashes and servers: more of them side by side only make each other late.
    maxWorkers: 2,
    passWithNoTests: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts', 'sandbox/**/*.spec.ts', 'test/**/*.spec.ts'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          ...inItsOwnDirectory('embedded'),
          include: [...bothWays, 'test/**/*.embedded.ts'],
          exclude: ['test/browser/**'],
        },
      },
      ...(found.database && found.redis
        ? [
            {
              extends: true as const,
              test: {
                ...inItsOwnDirectory('servers'),
                include: [...bothWays, 'test/**/*.servers.ts'],
                exclude: ['test/browser/**'],
                globalSetup: 'test/support/servers.setup.ts',
              },
            },
          ]
        : []),
      ...(found.chromium
        ? [
            {
              extends: true as const,
              test: {
                ...inItsOwnDirectory('browser'),
                testTimeout: 60_000,
                expect: { poll: { timeout: 20_000 } },
                include: ['test/browser/**/*.e2e.ts'],
                globalSetup: 'test/support/browser.setup.ts',
              },
            },
          ]
        : []),
    ],
  },
});

function inItsOwnDirectory(name: string) {
  return {
    name,
    setupFiles: 'test/support/file.setup.ts',
    // A process per file: only a process has a working directory.
    pool: 'forks' as const,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  };
}
