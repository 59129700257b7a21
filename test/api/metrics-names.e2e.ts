import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { register } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RULES } from '../../src/limits/rules.js';
import { PROBLEMS } from '../../src/common/problem.js';
import { MetricsServer } from '../../src/http/metrics-server.js';
import { type App, startApp } from '../support/start-app.js';

const PROJECT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { expr: string }[] }[];
}

const rules = read('deploy/prometheus/rules.yml');
const dashboard = JSON.parse(read('deploy/grafana/dashboard.json')) as Dashboard;
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
const expressions = [
  ...[...rules.matchAll(/expr: (.+)/g)].map(([, expression]) => expression!),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

let app: App;
let served: string;

beforeAll(async () => {
  app = await startApp({ env: { METRICS_PORT: '0' } });
  served = await (await fetch(`http://127.0.0.1:${app.nest.get(MetricsServer).port}/metrics`)).text();
});

afterAll(() => app.close());

/** Every selector: a metric's name and the labels that filter it. */
function selectors(): { name: string; labels: [name: string, value: string][] }[] {
  return expressions.flatMap((expression) =>
    [...expression.matchAll(/(qq_account_\w+)(?:\{([^}]*)\})?/g)].map(([, name, filters = '']) => ({
      name: name!.replace(/_(?:bucket|count|sum)$/, ''),
      labels: [...filters.matchAll(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g)].map(
        ([, label, value]) => [label!, value!] as [string, string],
      ),
    })),
  );
}

function labelsOf(name: string): string[] {
  return (register.getSingleMetric(name) as unknown as { labelNames: string[] }).labelNames;
}

describe('alert rules and dashboard', () => {
  it('alert rules and dashboard use only metrics that the service serves', () => {
    const known = new Set([...served.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    const used = selectors().map(({ name }) => name);

    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it('alert rules and dashboard show every metric that the service counts itself', () => {
    const own = [...served.matchAll(/^# TYPE (qq_account_(?!nodejs_|process_)\w+) /gm)].map(
      ([, name]) => name,
    );
    const used = new Set(
      dashboard.panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr }) => expr.match(/qq_account_\w+/g)!),
      ),
    );

    const shown = (name: string) => ['', '_bucket', '_count'].some((suffix) => used.has(name + suffix));
    expect(own.filter((name) => !shown(name!))).toEqual([]);
  });

  it('alert rules and dashboard filter and group by labels that those metrics have', () => {
    const groups = expressions.flatMap((expression) =>
      [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(/, */)),
    );
    const all = new Set(['le', 'instance', ...selectors().flatMap(({ name }) => labelsOf(name))]);
    const unknown = selectors().flatMap(({ name, labels }) =>
      labels.filter(([label]) => !labelsOf(name).includes(label)).map(([label]) => `${name} ${label}`),
    );

    expect(unknown).toEqual([]);
    expect(groups.filter((label) => !all.has(label))).toEqual([]);
  });

  it('alert rules and dashboard filter by routes, outcomes and rules that exist', async () => {
    const { body } = await app.shopper().get('/docs-json');
    const routes = Object.keys(body.paths as object).map((path) => path.replace(/(?<=.)\/$/, ''));
    const values = (label: string) =>
      selectors().flatMap(({ labels }) =>
        labels.filter(([name]) => name === label).map(([, value]) => value),
      );
    const unmatched = (patterns: string[], known: string[]) =>
      patterns.filter((pattern) => !known.some((one) => new RegExp(`^(?:${pattern})$`).test(one)));

    expect(unmatched(values('route'), routes)).toEqual([]);
    expect(unmatched(values('rule'), Object.keys(RULES))).toEqual([]);
    expect(unmatched(values('outcome'), [...Object.keys(PROBLEMS), '2xx'])).toEqual([]);
  });

  it('each alert has a paragraph in docs/operations.md', () => {
    const headings = [...read('docs/operations.md').matchAll(/^#{3} (\w+)$/gm)].map(([, name]) => name);

    expect(alerts.length).toBeGreaterThan(10);
    expect(headings.filter((name) => name!.startsWith('QqAccount'))).toEqual(alerts);
  });
});
