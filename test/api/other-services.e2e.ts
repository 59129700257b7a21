import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { CanActivate } from '@nestjs/common';
import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onPath } from '../support/servers.js';
import type { Registered } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

const PROJECT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(PROJECT, 'docs/other-services.md'), 'utf8');
const INTROSPECTION_KEY = 'introspection-key-for-tests-0123456789';
const run = promisify(execFile);

let app: App;
let owner: Registered;
/** Of a token that was logged out, though its signature is good. */
let ended: string;

beforeAll(async () => {
  app = await startApp({ env: { INTROSPECTION_KEY } });
  owner = await app.shopper().register();
  ({ token: ended } = (await app.shopper().post('/authorizations/', owner)).body);
  await app.shopper().send('/authorizations/', { method: 'DELETE', token: ended });
});

afterAll(() => app.close());

/** The code of the page in a language. */
function codeOf(language: string): string {
  const code = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(PAGE)?.[1];
  if (code === undefined) throw new Error(`docs/other-services.md has no code in ${language}`);
  return code;
}

describe('the call of docs/other-services.md', () => {
  // Node alone is enough for the other tests.
  const curl = onPath('curl');

  it.skipIf(!curl && !process.env.CI)(
    'the call of docs/other-services.md tells whether a token holds',
    async () => {
      expect(curl, 'needs curl').toBeDefined();
      const ask = async (token: string) => {
        const command = codeOf('sh').replace('https://account.shop.example', app.url).replace('eyJ…', token);
        const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, INTROSPECTION_KEY } });
        return JSON.parse(stdout) as unknown;
      };

      expect(await ask(owner.token)).toMatchObject({
        active: true,
        sub: String(owner.id),
        username: owner.username,
      });
      expect(await ask(ended)).toEqual({ active: false });
    },
  );
});

describe('the Nest guard of docs/other-services.md', () => {
  const compilerOptions: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
    typeRoots: [join(PROJECT, 'node_modules/@types')],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };

  it('the Nest guard of docs/other-services.md compiles in strict TypeScript', () => {
    // As a file of the project, so that its imports are found; it is not written there.
    const file = join(PROJECT, 'docs/shop-login.guard.ts');
    const host = ts.createCompilerHost(compilerOptions);
    host.fileExists = (name) => name === file || ts.sys.fileExists(name);
    host.readFile = (name) => (name === file ? codeOf('ts') : ts.sys.readFile(name));
    host.getSourceFile = (name, version) => {
      const text = host.readFile(name);
      return text === undefined ? undefined : ts.createSourceFile(name, text, version);
    };

    const program = ts.createProgram([file], compilerOptions, host);

    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  }, 60_000);

  it('the Nest guard of docs/other-services.md accepts only a token that holds', async () => {
    const nest = pathToFileURL(createRequire(import.meta.url).resolve('@nestjs/common')).href;
    const asModule = { compilerOptions: { ...compilerOptions, module: ts.ModuleKind.ESNext } };
    const { outputText } = ts.transpileModule(
      codeOf('ts').replaceAll("'@nestjs/common'", `'${nest}'`),
      asModule,
    );
    writeFileSync('guard.mjs', outputText);
    const { ShopLoginGuard } = (await import(pathToFileURL(resolve('guard.mjs')).href)) as {
      ShopLoginGuard: new () => CanActivate;
    };
    @Controller()
    @UseGuards(ShopLoginGuard)
    class Orders {
      @Get('orders')
      list(@Req() { user }: { user: unknown }) {
        return user;
      }
    }
    const module = await Test.createTestingModule({ controllers: [Orders] }).compile();
    const shop = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    await shop.listen(0, '127.0.0.1');
    const url = await shop.getUrl();
    const ask = async (authorization?: string) => {
      const answer = await fetch(`${url}/orders`, { headers: authorization ? { authorization } : {} });
      return { status: answer.status, body: await answer.json() };
    };
    Object.assign(process.env, { INTROSPECTION_KEY, ACCOUNT_URL: app.url });

    const user = { id: owner.id, username: owner.username };
    expect(await ask(`Bearer ${owner.token}`)).toEqual({ status: 200, body: user });
    expect(await ask(`JWT ${owner.token}`)).toEqual({ status: 200, body: user });
    expect(await ask(`Bearer ${ended}`)).toMatchObject({ status: 401 });
    expect(await ask('Bearer a.b.c')).toMatchObject({ status: 401 });
    expect(await ask()).toMatchObject({ status: 401 });
    process.env.INTROSPECTION_KEY = 'another';
    expect(await ask(`Bearer ${owner.token}`)).toMatchObject({ status: 503 });
    process.env.ACCOUNT_URL = 'http://127.0.0.1:1';
    expect(await ask(`Bearer ${owner.token}`)).toMatchObject({ status: 503 });
    await shop.close();
  });
});

/** Debian's Django and REST framework are packages of Debian's Python. */
const python = ['/usr/bin/python3', '/usr/local/bin/python3'].find((program) => {
  try {
    execFileSync(program, ['-c', 'import django, jwt, requests, rest_framework'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // missing, or without one of them
  }
});

/** A shop of one view, which says who asks; each argument is an Authorization header to ask with. */
const SHOP = `
import json, os, sys
import django, jwt
from django.conf import settings
settings.configure(
    SECRET_KEY=os.environ['JWT_SECRET'], ALLOWED_HOSTS=['*'], ROOT_URLCONF='shop', USE_TZ=True,
    ACCOUNT_URL=os.environ['ACCOUNT_URL'], INTROSPECTION_KEY=os.environ['INTROSPECTION_KEY'],
    INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', 'rest_framework'],
    DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIClient
from shop_login import ShopLogin

@api_view()
@authentication_classes([ShopLogin])
@permission_classes([IsAuthenticated])
def orders(request):
    return Response({'id': request.user.pk, 'username': request.user.username})

urlpatterns = [path('orders/', orders)]
sys.modules['shop'] = sys.modules['__main__']
call_command('migrate', verbosity=0)
User.objects.create(pk=int(os.environ['USER_ID']), username=os.environ['USER_NAME'])
answers = [APIClient().get('/orders/', HTTP_AUTHORIZATION=given) for given in sys.argv[1:]]
signed = jwt.decode(sys.argv[1].split(' ')[1], settings.SECRET_KEY, algorithms=['HS256'])
print(json.dumps({'answers': [[answer.status_code, answer.data] for answer in answers], 'signed': signed}))
`;

describe('the Django class of docs/other-services.md', () => {
  it.skipIf(python === undefined && !process.env.CI)(
    'the Django class of docs/other-services.md accepts only a token that holds',
    async () => {
      expect(python, 'needs python3-djangorestframework, python3-requests and python3-jwt').toBeDefined();
      mkdirSync('django', { recursive: true });
      writeFileSync('django/shop_login.py', codeOf('python'));
      writeFileSync('django/main.py', SHOP);
      const ask = async (accountUrl: string, ...given: string[]) => {
        const env = {
          JWT_SECRET: app.config.JWT_SECRET,
          ACCOUNT_URL: accountUrl,
          INTROSPECTION_KEY,
          USER_ID: String(owner.id),
          USER_NAME: owner.username,
        };
        const { stdout } = await run(python!, ['django/main.py', ...given], { env });
        return JSON.parse(stdout) as { answers: [number, unknown][]; signed: Record<string, unknown> };
      };

      const { answers, signed } = await ask(
        app.url,
        `Bearer ${owner.token}`,
        `JWT ${owner.token}`,
        `Bearer ${ended}`,
        'Bearer a.b.c',
        '',
      );
      expect(answers.slice(0, 2)).toEqual([
        [200, { id: owner.id, username: owner.username }],
        [200, { id: owner.id, username: owner.username }],
      ]);
      expect(answers.slice(2).map(([status]) => status)).toEqual([401, 401, 401]);
      expect(signed).toMatchObject({ user_id: owner.id, username: owner.username });
      expect((await ask('http://127.0.0.1:1', `Bearer ${owner.token}`)).answers[0]![0]).toBe(503);
    },
    60_000,
  );
});
