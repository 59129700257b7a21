import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Backends, freshBackends, freshDatabase } from '../support/backends.js';
import { ServiceProcess } from '../support/service-process.js';

const CHECKOUT = resolve(import.meta.dirname, '../..');
/** A user that is not root and owns nothing in the image. */
const NOBODY = 65_534;
/** Measured on each Node: 112 to 123. */
const IDLE_MB = 130;

let made: string | undefined;
let image: string;
let backends: Backends;

// CI builds the folder once for all versions of Node (IMAGE_FOLDER). Otherwise this file builds its own.
beforeAll(async () => {
  backends = await freshBackends();
  if (process.env.IMAGE_FOLDER) {
    image = process.env.IMAGE_FOLDER;
  } else {
    made = mkdtempSync(join(tmpdir(), 'qq-account-service-image-'));
    chmodSync(made, 0o755);
    image = join(made, 'app');
    execFileSync('sh', [join(CHECKOUT, 'deploy/image.sh'), image], { stdio: 'pipe' });
  }
}, 240_000);

afterAll(async () => {
  if (made) rmSync(made, { recursive: true, force: true });
  await backends.drop();
});

it('the image has the service and its packages, without compiler, sandbox or development packages', () => {
  expect(readdirSync(image).toSorted()).toEqual(['dist', 'node_modules', 'package.json']);
  expect(readdirSync(join(image, 'dist')).toSorted()).toEqual([
    'db-check.js',
    'ormconfig.js',
    'public',
    'src',
  ]);
  const { devDependencies } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const kept = Object.keys(devDependencies).filter((name) => existsSync(join(image, 'node_modules', name)));
  expect(kept).toEqual([]);
});

it('the image checks an empty database, and migrates it by the command of the migration job', async () => {
  const database = await freshDatabase({ migrated: false });
  const run = (...command: string[]) =>
    execFileSync(process.execPath, command, {
      cwd: image,
      encoding: 'utf8',
      env: { NODE_ENV: 'production', DATABASE_URL: database.url },
      ...asNobody(),
    });

  const report = run('dist/db-check.js');
  const output = run('node_modules/typeorm/cli.js', 'migration:run', '-d', 'dist/ormconfig.js');

  expect(report).toContain('tb_users');
  expect(output).toContain('executed successfully');
  await database.drop();
});

it('the image runs in production as a user who can write nothing, and stops in order', async () => {
  const service = await ServiceProcess.start(production(), undefined, {
    main: join(image, 'dist/src/main.js'),
    cwd: image,
    ...asNobody(),
  });

  const ready = await fetch(`${service.url}/health/ready`);
  const page = await fetch(service.url);
  const refused = await fetch(`${service.url}/authorizations/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'nobody_there', password: 'not-a-password' }),
  });

  expect([ready.status, page.status]).toEqual([200, 200]);
  expect(await refused.json()).toMatchObject({ errorCode: 'CREDENTIALS_INVALID' });
  expect(await service.stop('SIGTERM')).toBe(0);
});

it.runIf(process.platform === 'linux')(
  `the image keeps at most ${IDLE_MB} MB while it is idle`,
  { timeout: 120_000 },
  async () => {
    const service = await ServiceProcess.start(production(), undefined, {
      main: join(image, 'dist/src/main.js'),
      cwd: image,
    });

    // The least of the readings counts: garbage collections return memory when they run. Node 20 returns the memory of
    // the start within a minute, later versions at once.
    await expect.poll(() => residentMb(service.pid), { timeout: 90_000 }).toBeLessThan(IDLE_MB);

    await service.stop('SIGTERM');
  },
);

/** Resident memory of a process, in MB. */
function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/**
 * File modes do not stop root, so root switches to another user. Any other user is already different from the image's.
 */
function asNobody(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

function production(): Record<string, string | undefined> {
  return {
    ...backends.env,
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://shop.example',
    JWT_SECRET: 'only-for-this-test-0123456789-abcdefghij',
    QQ_APP_ID: '101000001',
    QQ_APP_KEY: 'only-for-this-test',
    QQ_REDIRECT_URI: 'https://shop.example/oauth_callback.html',
    SMS_GATEWAY: 'http',
    SMS_HTTP_URL: 'https://sms.example/messages',
    SMS_HTTP_KEY: 'only-for-this-test',
    SHUTDOWN_DRAIN_S: '0',
  };
}
