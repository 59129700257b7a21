import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The nginx configurations of a document of the repository, in their order. */
export function nginxBlocks(document: string): string[] {
  const text = readFileSync(resolve(import.meta.dirname, '../..', document), 'utf8');
  return [...text.matchAll(/^```nginx\n([^]*?)^```$/gm)].map(([, block]) => block!);
}

/** Runs an nginx with these configuration files, without privileges and in the foreground. */
export class Nginx {
  private constructor(
    private readonly program: string,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param files by name; `server.conf` is included in `http` */
  static start(program: string, files: Readonly<Record<string, string>>): Nginx {
    const directory = mkdtempSync(join(tmpdir(), 'qq-account-service-nginx-'));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${directory}/${name};`)
      .join('\n');
    const main = `daemon off;
      ${process.getuid?.() === 0 ? 'user root;' : ''}
      worker_processes 1;
      pid ${directory}/pid;
      error_log ${directory}/error.log;
      events { worker_connections 64; }
      http { access_log off; ${temporary} include server.conf; }`;
    write(directory, { 'nginx.conf': main, ...files });
    const args = argsIn(directory);
    execFileSync(program, [...args, '-t'], { stdio: 'pipe' });
    return new Nginx(program, directory, spawn(program, args, { stdio: 'inherit' }));
  }

  /** Replaces the files and reloads nginx, like `systemctl reload nginx`. */
  reload(files: Readonly<Record<string, string>>): void {
    write(this.directory, files);
    execFileSync(this.program, [...argsIn(this.directory), '-t'], { stdio: 'pipe' });
    this.child.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.kill('SIGTERM');
    await ended;
    rmSync(this.directory, { recursive: true });
  }
}

const argsIn = (directory: string): string[] => [
  '-p',
  directory,
  '-c',
  join(directory, 'nginx.conf'),
  '-e',
  join(directory, 'error.log'),
];

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}
