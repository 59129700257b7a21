import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';

/** Directories of server programs that may not be on a user's PATH. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/opt/homebrew/bin'];
const START_MS = 30_000;
const TRIES = 3;

/** The servers that the suites can use here; undefined: not found. Looked up once, before the projects are chosen. */
export interface Found {
  /** A URL, or the path of a program to start. */
  readonly database?: string;
  readonly redis?: string;
  readonly chromium?: string;
  readonly nginx?: string;
}

/** The path of a Redis program, even if `TEST_REDIS_URL` names a running server. */
export const redisProgram = (): string | undefined => onPath('redis-server', 'valkey-server');

export function findServers(env: NodeJS.ProcessEnv = process.env): Found {
  const startable = process.platform !== 'win32';
  return {
    database: env.TEST_DATABASE_URL || (startable ? onPath('mariadbd', 'mysqld') : undefined),
    redis: env.TEST_REDIS_URL || (startable ? redisProgram() : undefined),
    chromium: onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'),
    nginx: startable ? onPath('nginx') : undefined,
  };
}

/** The names of missing servers, for the summary. */
export function missingServers({ database, redis, chromium, nginx }: Found): string[] {
  const missing = [
    !database && 'MariaDB/MySQL',
    !redis && 'Redis',
    !chromium && 'Chromium',
    !nginx && 'nginx',
  ];
  return missing.filter((name) => typeof name === 'string');
}

export interface RunningServer {
  /** Without a database name or number. */
  readonly url: string;
  /** `MariaDB 10.11.19` */
  readonly label: string;
  stop(): Promise<void>;
}

/**
 * @param options for the server program, if one is started here
 * @throws Error with the server's own log, if it does not start
 */
export async function startDatabase(found: string, options: readonly string[] = []): Promise<RunningServer> {
  if (found.includes('://')) return { ...(await probeDatabase(found)), stop: async () => undefined };
  return startServer(async (directory, port) => {
    const data = join(directory, 'data');
    const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
    const version = execFileSync(found, ['--version'], { encoding: 'utf8' });
    if (version.includes('MariaDB')) {
      const installer = onPath('mariadb-install-db', 'mysql_install_db') ?? 'mariadb-install-db';
      const words = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'];
      execFileSync(installer, [...words, '--skip-test-db', ...asRoot], { stdio: 'pipe' });
    } else {
      mkdirSync(data);
      execFileSync(found, ['--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...asRoot], {
        stdio: 'pipe',
      });
    }
    // Not durable, because its data is not needed after the run.
    const command = [
      found,
      '--no-defaults',
      ...asRoot,
      `--datadir=${data}`,
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--skip-log-bin',
      '--performance-schema=off',
      '--max-connections=500',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-doublewrite=0',
      '--innodb-buffer-pool-size=32M',
      ...options,
    ];
    return { command, probe: () => probeDatabase(`mysql://root@127.0.0.1:${port}`) };
  });
}

/** @throws Error with the server's own log, if it does not start */
export async function startRedis(found: string, options: readonly string[] = []): Promise<RunningServer> {
  if (found.includes('://')) return { ...(await probeRedis(found)), stop: async () => undefined };
  return startServer(async (directory, port) => ({
    // One database number for each test file, so that files can run in parallel.
    command: [
      found,
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--databases',
      '1024',
    ].concat(['--save', '', '--appendonly', 'no', ...options]),
    probe: () => probeRedis(`redis://127.0.0.1:${port}`),
  }));
}

export type Probed = Pick<RunningServer, 'url' | 'label'>;
export type Plan = (
  directory: string,
  port: number,
) => Promise<{ command: string[]; probe: () => Promise<Probed> }>;

/** Starts a server in a new directory on a free port. Tries another port if the first one was taken in the meantime. */
export async function startServer(plan: Plan): Promise<RunningServer> {
  for (let left = TRIES - 1; ; left--) {
    const directory = mkdtempSync(join(tmpdir(), 'qq-account-service-'));
    const log = join(directory, 'log');
    try {
      const { command, probe } = await plan(directory, await freePort());
      const server = supervise(command, directory, log);
      try {
        const probed = await untilUp(probe, server);
        return { ...probed, stop: () => stop(server) };
      } catch (error) {
        const said = readFileSync(log, 'utf8').split('\n').slice(-20).join('\n');
        await stop(server);
        throw new Error(`${command[0]} did not start: ${said}`, { cause: error });
      }
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      if (left === 0) throw error;
    }
  }
}

/**
 * Runs the server below a shell that waits for the end of its input. The input ends when we close it, and also when
 * this process dies. The shell then kills the server and removes its directory, so no server is left over. It has its
 * own process group, so that Ctrl-C reaches only us.
 */
function supervise(command: string[], directory: string, log: string): ChildProcess {
  const script = `dir=$1; shift; "$@" </dev/null & trap 'kill -9 $! 2>/dev/null; rm -rf "$dir"' EXIT; read -r _; exit 0`;
  const output = openSync(log, 'w');
  return spawn('sh', ['-c', script, 'sh', directory, ...command], {
    stdio: ['pipe', output, output],
    detached: true,
  });
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = once(server, 'exit');
  server.stdin?.end();
  await gone;
}

async function untilUp(probe: () => Promise<Probed>, server: ChildProcess): Promise<Probed> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline || server.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function probeDatabase(url: string): Promise<Probed> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: 2000 });
  const [[row]] = await connection.query<mysql.RowDataPacket[]>('SELECT VERSION() AS version');
  await connection.end();
  const version = String(row?.version);
  const product = version.includes('MariaDB') ? 'MariaDB' : 'MySQL';
  const bare = new URL(url);
  bare.pathname = '';
  return { url: bare.href.replace(/\/$/, ''), label: `${product} ${version.replace(/[^\d.].*$/, '')}` };
}

async function probeRedis(url: string): Promise<Probed> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 2000 });
  redis.on('error', () => undefined); // connect() rejects as well
  try {
    await redis.connect();
    const info = await redis.info('server');
    const [product, version] = /valkey_version/.test(info)
      ? ['Valkey', /valkey_version:([\d.]+)/.exec(info)?.[1]]
      : ['Redis', /redis_version:([\d.]+)/.exec(info)?.[1]];
    return { url: url.replace(/\/\d*$/, ''), label: `${product} ${version}` };
  } finally {
    redis.disconnect();
  }
}

/** `Chromium 131` */
export function chromiumLabel(program: string): string {
  // The start script may write warnings to stderr, which do not matter here.
  const said = execFileSync(program, ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return /(Chromium|Chrome) \d+/.exec(said)?.[0] ?? 'Chromium';
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The path of the first of these programs that is installed. */
export function onPath(...names: string[]): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_DIRECTORIES];
  return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // access throws if the file is missing or not executable
  }
}
