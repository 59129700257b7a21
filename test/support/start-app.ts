import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/sandbox.js';
import { AppModule } from '../../src/app.module.js';
import { createAdapter } from '../../src/http/adapter.js';
import { configureApp } from '../../src/http/server.js';
import { createLogger } from '../../src/http/service-logger.js';
import { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { type Backends, freshBackends } from './backends.js';
import { LogRecorder } from './log-recorder.js';
import { Shopper } from './shopper.js';

export interface StartOptions {
  /** Changes to the service's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A second service on the same database, Redis and sandbox. */
  readonly beside?: App;
  readonly sandbox?: Partial<SandboxOptions>;
}

/** The real service, listening, together with the sandbox (QQ's stand-in and the phone). */
export interface App {
  readonly url: string;
  readonly config: Config;
  readonly backends: Backends;
  readonly sandbox: Sandbox;
  readonly dataSource: DataSource;
  readonly redis: Redis;
  readonly logRecorder: LogRecorder;
  readonly nest: NestFastifyApplication;
  /** A new person with a browser, a phone and an address. */
  shopper(): Shopper;
  /** Stops everything, and fails if the log contains a secret. */
  close(): Promise<void>;
}

export const APP_KEY = 'sandbox-app-key';
const JWT_SECRET = 'a-secret-for-tests-0123456789-abcdefghij';

/** Boots the real AppModule as main.ts does, on this project's database and Redis. */
export async function startApp({ env = {}, beside, sandbox: options }: StartOptions = {}): Promise<App> {
  const backends = beside?.backends ?? (await freshBackends());
  const sandbox = beside?.sandbox ?? (await startSandbox({ port: 0, ...options }));
  const logRecorder = beside?.logRecorder ?? new LogRecorder();
  const config = loadConfig({
    NODE_ENV: 'test',
    PORT: '0',
    PUBLIC_URL: 'http://shop.test',
    WEB_ORIGINS: 'http://shop.test',
    // Each shopper has an address of their own, in X-Forwarded-For.
    TRUST_PROXY: '127.0.0.1',
    JWT_SECRET,
    QQ_APP_KEY: APP_KEY,
    QQ_BASE_URL: sandbox.url,
    QQ_REDIRECT_URI: 'http://localhost/oauth_callback.html',
    SMS_HTTP_URL: `${sandbox.url}/phone/messages`,
    BCRYPT_COST: '4',
    IMAGE_CODE_HEADER: 'on',
    ...backends.env,
    ...env,
  });
  logRecorder.open();
  logRecorder.keep(JWT_SECRET, APP_KEY);
  const module = await Test.createTestingModule({ imports: [AppModule.of(config)] }).compile();
  const nest = module.createNestApplication<NestFastifyApplication>(createAdapter(config), {
    // Through process.stdout, which the recorder intercepts.
    logger: await createLogger(config, process.stdout),
  });
  await configureApp(nest);
  await nest.listen(0, '127.0.0.1');
  const dataSource = nest.get(DataSource);
  const url = (await nest.getUrl()).replace('[::1]', '127.0.0.1');
  return {
    url,
    config,
    backends,
    sandbox,
    logRecorder,
    nest,
    dataSource,
    redis: nest.get(Redis),
    shopper: () => new Shopper(url, sandbox, logRecorder),
    close: async () => {
      logRecorder.keep(...(await secretsIn(dataSource)));
      await nest.close();
      if (beside) return;
      await sandbox.close();
      logRecorder.close();
    },
  };
}

/** The environment of a process that serves the same shop as this app, on the same database, Redis and sandbox. */
export function environmentBeside({ config, sandbox, backends }: App): Record<string, string> {
  return {
    NODE_ENV: 'test',
    PUBLIC_URL: config.PUBLIC_URL,
    TRUST_PROXY: '127.0.0.1',
    JWT_SECRET: config.JWT_SECRET,
    QQ_APP_KEY: config.QQ_APP_KEY,
    QQ_BASE_URL: sandbox.url,
    QQ_REDIRECT_URI: config.QQ_REDIRECT_URI,
    SMS_HTTP_URL: config.SMS_HTTP_URL,
    BCRYPT_COST: '4',
    IMAGE_CODE_HEADER: 'on',
    ...backends.env,
  };
}

/** Stored values that must not be logged: hashes, mobiles, openids. */
async function secretsIn(dataSource: DataSource): Promise<string[]> {
  const users = await dataSource.query<object[]>('SELECT password, mobile FROM tb_users');
  const qqs = await dataSource.query<object[]>('SELECT openid, unionid FROM tb_oauth_qq');
  return [...users, ...qqs].flatMap((row) => Object.values(row) as string[]);
}
