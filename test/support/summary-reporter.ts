import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, TestProject } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Prints at the end which tests failed, and what ran against which servers. The last line is for programs: `N passed,
 * N failed`, and the number of skipped tests if there are any.
 */
export class SummaryReporter implements Reporter {
  private lines: string[] = [];

  /** @param missing the servers that were not found; with CI=true each is a failure */
  constructor(private readonly missing: string[]) {
    process.once('exit', (code) => this.say(code));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = new Map<TestProject, Count>();
    const failures: string[] = [];
    for (const module of modules) {
      const count = counts.get(module.project) ?? { passed: 0, failed: 0, skipped: 0 };
      counts.set(module.project, count);
      const fail = (name: string, error?: { message: string }) => {
        count.failed++;
        const test = `${module.project.name} ${module.relativeModuleId} ${name}`;
        failures.push(failure(test, error?.message ?? 'did not end'));
      };
      // A file that does not load, and a failing hook, count as failures.
      for (const error of module.errors()) fail('(file)', error);
      for (const suite of module.children.allSuites()) {
        for (const error of suite.errors()) fail(`${suite.fullName} (hook)`, error);
      }
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        // Still pending: the run was aborted.
        if (state === 'failed' || state === 'pending') fail(test.fullName, errors?.[0]);
        else count[state]++;
      }
    }
    const total = { passed: 0, failed: errors.length, skipped: 0 };
    this.lines = ['', ...failures];
    for (const [project, count] of counts) {
      this.lines.push(`${labelOf(project)}: ${sentence(count)}`);
      for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += count[key];
    }
    for (const { message } of errors) this.lines.push(failure('outside of any test', message));
    for (const name of this.missing) {
      if (process.env.CI === 'true') total.failed++;
      this.lines.push(
        process.env.CI === 'true' ? failure(name, 'not found, and CI=true') : `not found: ${name}, left out`,
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
      this.lines.push(
        failure('after the tests', `exit code ${code}`),
        String(last).replace(' 0 failed', ' 1 failed'),
      );
    }
    writeSync(1, `${this.lines.join('\n')}\n`);
  }
}

/** One line, which `.ci/run` repeats at its end. */
function failure(what: string, reason: string): string {
  return `failed: ${what}: ${reason.split('\n', 1)[0]}`;
}

function labelOf(project: TestProject): string {
  const { ranAgainst } = project.getProvidedContext();
  if (ranAgainst) return ranAgainst;
  return project.name === 'embedded' ? 'embedded (SQLite, Redis in process)' : project.name;
}

function sentence({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}
