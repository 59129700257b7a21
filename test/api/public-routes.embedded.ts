import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/start-app.js';

/** Every route that answers without a login token. Every other route has `@LoggedIn()`. */
const PUBLIC_ROUTES = [
  'GET /oauth/qq/authorization',
  'GET /oauth/qq/users',
  'POST /oauth/qq/users',
  'POST /oauth/qq/user',
  'GET /human_checks',
  'GET /image_codes/:id',
  'POST /sms_codes',
  'POST /users',
  'POST /authorizations',
  'POST /authorizations/sms',
  'POST /user/password',
  'GET /page_settings',
  'GET /health/live',
  'HEAD /health/live',
  'GET /health/ready',
  'HEAD /health/ready',
  // Needs INTROSPECTION_KEY instead.
  'POST /authorizations/introspection',
  // Only with LEGACY_CLIENT=true.
  'GET /legacy/login',
  'GET /legacy/callback',
  'POST /legacy/authorizations',
  'POST /legacy/bind',
  'POST /legacy/users',
  'GET /legacy/sms_codes/:mobile',
  'GET /legacy/usernames/:username',
  'GET /legacy/mobiles/:mobile',
];

let app: App;

beforeAll(async () => {
  app = await startApp({ env: { LEGACY_CLIENT: 'true', INTROSPECTION_KEY: 'k'.repeat(32) } });
});

afterAll(() => app.close());

/** The routes of all controllers. */
function routes(): string[] {
  const scanner = new MetadataScanner();
  const controllers = [...app.nest.get(ModulesContainer).values()].flatMap((module) => [
    ...module.controllers.values(),
  ]);
  return controllers.flatMap(({ metatype }) => {
    const prototype = metatype!.prototype as Record<string, object>;
    return scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name]!;
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (method === undefined) return [];
      const [prefixes, paths] = [metatype!, handler].map((target) =>
        [Reflect.getMetadata(PATH_METADATA, target) as string | string[]].flat(),
      );
      return prefixes!.flatMap((prefix) =>
        paths!.map(
          (path) => `${RequestMethod[method]} /${[prefix, path].filter((part) => part !== '/').join('/')}`,
        ),
      );
    });
  });
}

it('exactly the listed routes answer without a login token, and every other route answers LOGIN_REQUIRED', async () => {
  const open: string[] = [];
  for (const route of routes()) {
    const [method = '', path = ''] = route.split(' ');
    const { status } = await app.shopper().send(path.replaceAll(/:\w+/g, '1'), { method });
    if (status !== 401) open.push(route);
  }

  expect(open.toSorted()).toEqual(PUBLIC_ROUTES.toSorted());
});
