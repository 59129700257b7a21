import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, TestProject } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Prints at the end what ran against which servers. The last line is for programs: `N passed, N failed`, and the number
 * of skipped tests if there are any.
 */
export class SummaryReporter implements Reporter {
  private lines: string[] = [];

  /** @param missing the servers that were not found; with CI=true each is a failure */
  constructor(private readonly missing: string[]) {
    process.once('exit', (code) => this.say(code));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = new Map<TestProject, Count>();
    for (const module of modules) {
      const count = counts.get(module.project) ?? { passed: 0, failed: 0, skipped: 0 };
      counts.set(module.project, count);
      // A file that does not load, and a failing hook, count as failures.
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // Still pending: the run was aborted.
        count[state === 'pending' ? 'failed' : state]++;
      }
    }
    const total = { passed: 0, failed: errors.length, skipped: 0 };
    this.lines = [''];
    for (const [project, count] of counts) {
      this.lines.push(`${labelOf(project)}: ${sentence(count)}`);
      for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += count[key];
    }
    if (errors.length > 0) this.lines.push(`outside of any test: ${errors.length} failed`);
    for (const name of this.missing) {
      if (process.env.CI === 'true') total.failed++;
      this.lines.push(
        `not found: ${name}, ${process.env.CI === 'true' ? 'a failure with CI=true' : 'left out'}`,
      );
    }
    this.lines.push(sentence(total));
    if (total.failed > 0) process.exitCode = 1;
  }

  /** Printed at exit, so that it is the last output. */
  private say(code: number): void {
    if (this.lines.length === 0) return;
    // For example a server that did not stop: the last line must not say that all passed.
    if (code !== 0 && this.lines.at(-1)?.includes(' 0 failed')) {
      const last = this.lines.pop();
      this.lines.push('after the tests: 1 failed', String(last).replace(' 0 failed', ' 1 failed'));
    }
    writeSync(1, `${this.lines.join('\n')}\n`);
  }
}

function labelOf(project: TestProject): string {
  const { ranAgainst } = project.getProvidedContext();
  if (ranAgainst) return ranAgainst;
  return project.name === 'embedded' ? 'embedded (SQLite, Redis in process)' : project.name;
}

function sentence({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}
