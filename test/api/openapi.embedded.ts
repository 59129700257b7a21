import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/start-app.js';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

interface Operation {
  readonly operationId: string;
  readonly security: unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let app: App;
let text: string;

beforeAll(async () => {
  app = await startApp({ env: { PUBLIC_URL: 'http://localhost:3000' } });
  const { body } = await app.shopper().get('/docs-json');
  text = `${JSON.stringify(body, null, 2)}\n`;
});

afterAll(() => app.close());

const document = (): OpenApi => JSON.parse(text) as OpenApi;
const operations = (): Operation[] => Object.values(document().paths).flatMap((item) => Object.values(item));

it('openapi.json is what the service serves: run `npm run openapi` after a change', async () => {
  await expect(text).toMatchFileSnapshot(join(CHECKOUT, 'openapi.json'));
});

it('the document is OpenAPI 3.1 with a unique operation id for each operation', () => {
  const ids = operations().map(({ operationId }) => operationId);

  expect(document().openapi).toMatch(/^3\.1\./);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toEqual([]);
});

it('the OpenAPI document says for every operation whether it needs a login', () => {
  for (const { operationId, security, responses } of operations())
    expect('401' in responses, operationId).toBe(security.length > 0);
});

it('the OpenAPI document passes the linter', async () => {
  writeFileSync('openapi.json', text);

  // The linter exits with 1 when a rule is broken, which makes `run` fail.
  await run(
    process.execPath,
    [
      join(CHECKOUT, 'node_modules/@redocly/cli/bin/cli.js'),
      'lint',
      'openapi.json',
      '--config',
      join(CHECKOUT, 'redocly.yaml'),
      '--format',
      'summary',
    ],
    { env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } },
  );
  expect(document().openapi).toMatch(/^3\.1\./);
}, 60_000);

it('the OpenAPI document becomes a TypeScript client that compiles', async () => {
  writeFileSync('openapi.json', text);
  await run(process.execPath, [
    join(CHECKOUT, 'node_modules/openapi-typescript/bin/cli.js'),
    'openapi.json',
    '-o',
    'client.ts',
  ]);
  writeFileSync(
    'use.ts',
    `import type { paths } from './client.js';
     type Form = paths['/oauth/qq/users/']['post']['requestBody']['content']['application/json'];
     type Bound = paths['/oauth/qq/users/']['post']['responses']['200']['content']['application/json'];
     const mobile = (form: Form): string => form.mobile;
     const token = (bound: Bound): string => bound.token;
     export { mobile, token };`,
  );

  const { stdout } = await run(process.execPath, [
    join(CHECKOUT, 'node_modules/typescript/bin/tsc'),
    '--noEmit',
    '--strict',
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    'use.ts',
  ]);

  expect(stdout).toBe('');
}, 60_000);
