import { writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../src/common/problem.js';
import { ServiceProcess } from '../support/service-process.js';
import { type Registered, Shopper } from '../support/shopper.js';
import { type App, environmentBeside, startApp } from '../support/start-app.js';

/**
 * Sends thousands of generated requests to each route. Only on real servers: old tables refuse what SQLite accepts, and
 * the embedded Redis runs scripts too slowly. The service is a process of its own, which an unhandled rejection would
 * end.
 */

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const AT_ONCE = 24;
/** The rules whose limits are raised: all requests come from one person. */
const RULES = [
  'sms-per-mobile-minute',
  'sms-per-ip-hour',
  'sms-per-ip-day',
  'sms-tries-per-mobile-day',
  'pictures-per-ip',
].concat(
  'starts-per-ip',
  'callbacks-per-ip',
  'binds-per-token',
  'binds-per-ip',
  'registrations-per-ip',
  'resets-per-ip',
  'password-checks-per-ip',
  'login-failures-per-account-and-ip',
  'login-failures-per-account',
  'login-failures-per-ip',
);

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly example?: string | number;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Operation {
  readonly parameters?: readonly { name: string; in: string; schema: Schema; example?: string | number }[];
  readonly requestBody?: { content: Readonly<Record<string, { schema: Schema }>> };
  readonly security?: unknown;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
interface Generated {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | null;
}

let app: App;
let service: ServiceProcess;
let pool: Pool;
let document: Document;
let owner: Registered;
/** Values that only a person who has come this far can send. */
let genuine: Readonly<Record<string, string>>;
let cookie: string;

beforeAll(async () => {
  app = await startApp();
  service = await ServiceProcess.start(
    {
      ...environmentBeside(app),
      // All requests come from one address: generated headers must not change it.
      TRUST_PROXY: '',
      LIMITS: RULES.map((rule) => `${rule}=100000000/60`).join(),
    },
    app.logRecorder,
  );
  const shopper = new Shopper(service.url, app.sandbox, app.logRecorder);
  owner = await shopper.register();
  const access_token = await shopper.bindToken();
  const state = new URL(await shopper.start()).searchParams.get('state') ?? '';
  genuine = { username: owner.username, mobile: owner.mobile, access_token, state };
  cookie = shopper.cookie;
  document = (await shopper.get('/docs-json')).body as unknown as Document;
  pool = new Pool(service.url, { connections: AT_ONCE });
});

afterAll(async () => {
  await pool.close();
  expect(await service.stop('SIGTERM')).toBe(0);
  await app.close();
});

/** Strings that have broken other software. */
const hostile = fc.oneof(
  fc.constantFrom(
    '',
    '\0',
    '\u{1f600}',
    '\ud800',
    '\udfff\ud800',
    "' OR '1'='1",
    '"; DROP TABLE tb_users; --',
    '%',
    '%00',
    '%ff',
  ),
  fc.constantFrom(
    '../../etc/passwd',
    '{{7*7}}',
    '${7*7}',
    '<script>',
    '\r\nX: y',
    '__proto__',
    'constructor',
    'null',
    'NaN',
    '1e999',
  ),
  fc.constantFrom(
    '-1',
    '0',
    '9007199254740993',
    '1.5',
    '0x10',
    'ａ',
    'ß',
    'İ',
    'e\u0301',
    '\u202e',
    '\ufeff',
    ' ',
    '\t',
    'a'.repeat(5000),
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.stringMatching(/^1[3-9]\d{9}$/),
  fc.stringMatching(/^\d{6}$/),
);

/** The other values that JSON has. */
const anything = fc.oneof(
  hostile,
  fc.constantFrom(
    null,
    true,
    false,
    0,
    -0,
    -1,
    1e308,
    [],
    {},
    [[]],
    { length: 3 },
    { toString: 1 },
    { constructor: 1 },
  ),
  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
);

const mutated = (text: string) =>
  fc
    .tuple(fc.nat(text.length), hostile, fc.boolean())
    .map(([at, part, same]) => text.slice(0, at) + part + text.slice(at + (same ? part.length : 1)));

/** Mostly what the document says, then similar values, then any. */
function valueOf(name: string, { example }: Schema): fc.Arbitrary<unknown> {
  const known = [example, genuine[name]].filter((value) => value !== undefined);
  const good = known.length > 0 ? fc.constantFrom(...known) : hostile;
  return fc.oneof(
    { weight: 6, arbitrary: good },
    { weight: 2, arbitrary: mutated(String(genuine[name] ?? example ?? '')) },
    { weight: 2, arbitrary: anything },
  );
}

function formOf({ requestBody }: Operation): fc.Arbitrary<Record<string, unknown>> {
  const { $ref = '' } = requestBody?.content['application/json']?.schema ?? {};
  const { properties = {} } = document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {};
  const fields = Object.entries(properties).map(([name, schema]) => [name, valueOf(name, schema)] as const);
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

function bodyOf(operation: Operation): fc.Arbitrary<Pick<Generated, 'body' | 'headers'>> {
  if (!operation.requestBody) return fc.constant({ body: null, headers: {} });
  const near = formOf(operation);
  const asForm = (form: Record<string, unknown>) =>
    Object.entries(form)
      .map(([name, value]) => `${name}=${escapeLoosely(JSON.stringify(value))}`)
      .join('&');
  return fc.oneof(
    { weight: 5, arbitrary: near.map((form) => ({ body: JSON.stringify(form), headers: JSON_TYPE })) },
    { weight: 1, arbitrary: near.map((form) => ({ body: asForm(form), headers: FORM_TYPE })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(near, fc.dictionary(hostile, anything))
        .map(([form, more]) => ({ body: JSON.stringify({ ...form, ...more }), headers: JSON_TYPE })),
    },
    { weight: 1, arbitrary: anything.map((value) => ({ body: JSON.stringify(value), headers: JSON_TYPE })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.uint8Array({ maxLength: 200 }),
          fc.constantFrom(
            'application/json',
            'application/x-www-form-urlencoded',
            'text/plain',
            'multipart/form-data; boundary=a',
            'application/json; charset=utf-16',
          ),
        )
        .map(([bytes, type]) => ({ body: Buffer.from(bytes), headers: { 'content-type': type } })),
    },
  );
}

/** Percent-encoded, except what encoding cannot express: lone surrogates become bytes that are not UTF-8. */
function escapeLoosely(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%EF%BF%BD', '%ED%A0%80');
}

function pathOf(path: string, { parameters = [] }: Operation): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const textOf = ({ name, schema, example, in: place }: (typeof parameters)[number]) => {
    const good = String(genuine[name] ?? example ?? schema.example ?? '1');
    const weight = place === 'path' ? 1 : 8;
    return fc
      .oneof(
        // Valid values in the path are rare: each would draw a picture.
        { weight, arbitrary: fc.constant(good) },
        { weight: 4, arbitrary: mutated(good) },
        { weight: 4, arbitrary: hostile },
      )
      .map((value) => [name, escapeLoosely(value)] as const);
  };
  const foreign = hostile.map((name) => [escapeLoosely(name), '1'] as const);
  const query = fc
    .tuple(
      fc.tuple(...inQuery.map(textOf)),
      fc.array(fc.oneof(foreign, ...inQuery.map(textOf)), { maxLength: 3 }),
      fc.nat(9),
    )
    .map(([named, more, dice]) => (dice < 5 ? named : dice < 8 ? [...named, ...more] : more));
  return fc.tuple(fc.tuple(...inPath.map(textOf)), query, fc.boolean()).map(([values, pairs, slash]) => {
    const filled = values.reduce(
      (text, [name, value]) => text.replace(`{${name}}`, () => value || 'x'),
      path,
    );
    const asked = pairs.map(([name, value]) => `${name}=${value}`).join('&');
    return (slash ? filled : filled.replace(/\/$/, '')) + (asked && `?${asked}`);
  });
}

/** What a header may contain: Latin-1 without control characters. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code === 0x7f ? 0xa0 : code)),
  maxLength: 60,
});

const headersOf = (): fc.Arbitrary<Record<string, string>> =>
  fc.record(
    {
      authorization: fc.oneof(
        { weight: 4, arbitrary: fc.constant(`Bearer ${owner.token}`) },
        headerText,
        headerText.map((text) => `Bearer ${text}`),
        mutated(owner.token).map((text) => `JWT ${text.replaceAll(/[^\x20-\x7e]/g, '')}`),
      ),
      cookie: fc.oneof(
        { weight: 6, arbitrary: fc.constant(cookie) },
        headerText,
        headerText.map((text) => `qq_login=${text}`),
      ),
      'user-agent': headerText,
      'x-forwarded-for': headerText,
      'x-request-id': headerText,
      origin: headerText,
      accept: headerText,
    },
    { requiredKeys: ['authorization', 'cookie'], noNullPrototype: true },
  );

const turn = ({ path, method }: { path: string; method: string }): number =>
  path.startsWith('/authorizations') ? 2 : Number(method !== 'GET');

/** Sends all requests, so many at once, and returns the faults of the answers. */
async function sendAll(
  method: string,
  requests: readonly Generated[],
): Promise<{ faults: string[]; statuses: Record<number, number> }> {
  const faults: string[] = [];
  const statuses: Record<number, number> = {};
  const rest = requests.values();
  const worker = async () => {
    for (const request of rest) {
      const answer = await answerTo(method, request);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      if ((answer.status >= 200 && answer.status < 400) || (answer.status < 500 && isProblem(answer)))
        continue;
      const { path, headers, body } = request;
      faults.push(
        `${answer.status} ${answer.text} to ${method} ${path} ${JSON.stringify(headers)} ${String(body)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { faults, statuses };
}

/** Status 0: no answer. */
async function answerTo(method: string, request: Generated): Promise<{ status: number; text: string }> {
  try {
    const { statusCode, body } = await pool.request({ ...request, method });
    return { status: statusCode, text: await body.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}

function isProblem({ text, status }: { text: string; status: number }): boolean {
  const { statusCode, errorCode, message, errors, ...more } = JSON.parse(text) as Record<string, unknown>;
  const known = PROBLEMS[errorCode as ProblemCode]?.[0] === status && statusCode === status;
  return (
    known &&
    typeof message === 'string' &&
    Object.keys(more).length === 0 &&
    (errors === undefined || typeof errors === 'object')
  );
}

describe(`${REQUESTS} generated requests to every route`, () => {
  it(
    `generated requests to every route cause no unexpected error (FUZZ_SEED=${SEED})`,
    { timeout: 600_000 },
    async () => {
      const routes = Object.entries(document.paths)
        .flatMap(([path, methods]) =>
          Object.entries(methods).map(([method, operation]) => ({
            path,
            method: method.toUpperCase(),
            operation,
          })),
        )
        // Reading routes first, before refusals fill the trail. Routes that end the login come last.
        .toSorted((a, b) => turn(a) - turn(b));
      expect(routes.length).toBeGreaterThanOrEqual(18);
      const report: string[] = [];
      const found: string[] = [];

      for (const { path, method, operation } of routes) {
        const request = fc
          .tuple(pathOf(path, operation), headersOf(), bodyOf(operation))
          .map(([path, headers, { body, headers: type }]): Generated => ({
            path,
            headers: { ...headers, ...type },
            body,
          }));
        const start = performance.now();
        const requests = fc.sample(request, { numRuns: REQUESTS, seed: SEED });
        const made = performance.now();
        const { faults, statuses } = await sendAll(method, requests);
        report.push(
          `${method} ${path} ${JSON.stringify(statuses)} ${Math.round(made - start)} + ${Math.round(performance.now() - made)} ms`,
        );
        found.push(...faults);
      }

      if (process.env.FUZZ_REPORT) writeFileSync(process.env.FUZZ_REPORT, report.join('\n'));
      expect(found.slice(0, 20)).toEqual([]);
      expect(service.output).not.toMatch(/INTERNAL_ERROR|Unhandled|Warning/);
      expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    },
  );
});
