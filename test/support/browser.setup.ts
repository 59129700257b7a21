import type { TestProject } from 'vitest/node';
import { chromiumLabel, findServers } from './servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Only in the project `browser`: the program for playwright's `executablePath`. */
    chromium?: string;
  }
}

export default function setup(project: TestProject): void {
  const { chromium } = findServers();
  if (!chromium) throw new Error('The project `browser` needs Chromium');
  project.provide('chromium', chromium);
  project.provide('ranAgainst', chromiumLabel(chromium));
}
