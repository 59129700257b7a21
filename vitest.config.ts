import { defineConfig } from 'vitest/config';
import { findServers, missingServers, redisProgram } from './test/support/servers.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

const found = findServers();

/** Suites that run over HTTP: once on the embedded database and Redis, once on real servers. */
const bothWays = ['test/**/*.e2e.ts'];

/** Of these, the suites that use most of Redis. They run a third time, on a Redis Cluster for each file. */
const onCluster = [
  'test/api/{bind,tokens}.e2e.ts',
  'test/races/{proofs,races}.e2e.ts',
  'test/threats/{human-check,sms-delivery,whose-phone}.e2e.ts',
];

export default defineConfig({
  test: {
    globalSetup: 'test/support/run.setup.ts',
    reporters: ['default', new SummaryReporter(missingServers(found))],
    // Each file runs a service with its hashes. More than two files at once only delay each other.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts', 'sandbox/**/*.spec.ts', 'test/**/*.spec.ts'],
          testTimeout: 20_000,
          // Importing the code anew for each file would take longer than the tests.
          isolate: false,
          restoreMocks: true,
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
      ...(found.database && redisProgram()
        ? [
            {
              extends: true as const,
              test: {
                ...inItsOwnDirectory('cluster'),
                include: onCluster,
                globalSetup: 'test/support/cluster.setup.ts',
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
    // One process for each file, because the working directory belongs to a process.
    pool: 'forks' as const,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  };
}
