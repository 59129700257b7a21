import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import vue from '@vitejs/plugin-vue';
import { type PreviewServer, build, preview } from 'vite';
import { vi } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const HOST = 'web.shop.test';
/** An app around the uni-app example, and the compiler: `npm ci --prefix test/browser/uni-app`. */
const UNI_APP = join(import.meta.dirname, 'uni-app');
const COMPILER = join(UNI_APP, 'node_modules');

/** The headings of the examples in docs/spa.md. */
export const EXAMPLES = ['Vue 3', 'React', 'A plain page', 'uni-app (H5)'] as const;
export type Example = (typeof EXAMPLES)[number];

/** Whether what the example needs is installed. CI installs all. */
export const isInstalled = (example: Example): boolean =>
  example !== 'uni-app (H5)' || existsSync(COMPILER) || Boolean(process.env.CI);

/** The files of a section of a document: blocks of code with a name behind their language. */
export function filesIn(document: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const text = readFileSync(join(ROOT, 'docs', document), 'utf8');
  const sections = text.split(/^##+ /m).map((section) => {
    const files = [...section.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)];
    return [section.split('\n')[0]!, new Map(files.map(([, name, code]) => [name!, code!]))] as const;
  });
  return new Map(sections.filter(([, files]) => files.size > 0));
}

/** An example of docs/spa.md, built by Vite (with uni-app's compiler, where it is for uni-app) and served on an origin of its own. */
export class SpaExample {
  private constructor(
    private readonly folder: string,
    private readonly server: PreviewServer,
  ) {}

  static async serve(example: Example, api: string): Promise<SpaExample> {
    const folder = mkdtempSync(join(tmpdir(), 'spa-'));
    const outDir = await (example === 'uni-app (H5)'
      ? buildUniApp(folder, api)
      : buildExample(example, folder, api));
    const server = await preview({
      root: folder,
      configFile: false,
      build: { outDir },
      preview: { host: '127.0.0.1', port: 0, allowedHosts: [HOST] },
    });
    return new SpaExample(folder, server);
  }

  /** For Chromium's `--host-resolver-rules`. */
  get hosts(): string {
    const { port } = this.server.httpServer.address() as AddressInfo;
    return `MAP ${HOST}:80 127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}

/** Writes the document's files and qq-login.js into a folder. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>, api: string): void {
  copyFileSync(join(ROOT, 'public/qq-login.js'), join(folder, 'qq-login.js'));
  for (const [name, code] of files)
    writeFileSync(join(folder, name), code.replaceAll('https://api.shop.example', api));
}

/** @returns the folder of the built files, relative to `folder` */
async function buildExample(
  example: Exclude<Example, 'uni-app (H5)'>,
  folder: string,
  api: string,
): Promise<string> {
  const sections = filesIn('spa.md');
  const files = new Map([...sections.get('Four examples')!, ...sections.get(example)!]);
  // The document says that this is Vue's page with another script.
  const page = sections.get('Vue 3')!.get('index.html')!;
  if (example === 'React') files.set('index.html', page.replace('main.js', 'main.jsx'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFiles(folder, files, api);
  mkdirSync(join(folder, 'dist'));
  vi.stubEnv('NODE_ENV', 'production');
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    plugins: [vue()],
    build: {
      outDir: 'dist',
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: [...files.keys()].filter((name) => name.endsWith('.html')).map((name) => join(folder, name)),
      },
    },
  });
  vi.unstubAllEnvs();
  return 'dist';
}

/**
 * Its compiler needs a Vite of its own, and reads its settings from the environment and the working directory.
 * @returns the folder of the built files, relative to `folder`
 */
async function buildUniApp(folder: string, api: string): Promise<string> {
  for (const name of ['package.json', 'index.html', 'vite.config.js', 'src'])
    cpSync(join(UNI_APP, name), join(folder, name), { recursive: true });
  symlinkSync(COMPILER, join(folder, 'node_modules'));
  const sections = filesIn('spa.md');
  writeFiles(
    join(folder, 'src'),
    new Map([...sections.get('Four examples')!, ...sections.get('uni-app (H5)')!]),
    api,
  );
  const { NODE_ENV: _test, VITEST: _vitest, ...env } = process.env;
  await promisify(execFile)(
    process.execPath,
    [join(COMPILER, '@dcloudio/vite-plugin-uni/bin/uni.js'), 'build'],
    {
      cwd: folder,
      env,
    },
  );
  return 'dist/build/h5';
}
