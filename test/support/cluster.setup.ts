import type { TestProject } from 'vitest/node';
import { provideDatabase } from './servers.setup.js';

/** Starts a database for the project `cluster`. Each test file starts a Redis Cluster of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  return provideDatabase(project, { label: 'Redis Cluster (3 primaries)' });
}
