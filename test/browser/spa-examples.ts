import {
  copyFileSync,
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
import vue from '@vitejs/plugin-vue';
import { type InlineConfig, type PreviewServer, build, preview } from 'vite';
import { vi } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const HOST = 'web.shop.test';

/** The headings of the examples in docs/spa.md. */
export const EXAMPLES = ['Vue 3', 'React', 'A plain page', 'uni-app (H5)'] as const;
export type Example = (typeof EXAMPLES)[number];

/** The files of a section of a document: blocks of code with a name behind their language. */
export function filesIn(document: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const text = readFileSync(join(ROOT, 'docs', document), 'utf8');
  const sections = text.split(/^##+ /m).map((section) => {
    const files = [...section.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)];
    return [section.split('\n')[0]!, new Map(files.map(([, name, code]) => [name!, code!]))] as const;
  });
  return new Map(sections.filter(([, files]) => files.size > 0));
}

/** An example of docs/spa.md, built by Vite and served on an origin of its own. */
export class SpaExample {
  private constructor(
    private readonly folder: string,
    private readonly server: PreviewServer,
  ) {}

  static async serve(example: Example, api: string): Promise<SpaExample> {
    const folder = mkdtempSync(join(tmpdir(), 'spa-'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    copyFileSync(join(ROOT, 'public/qq-login.js'), join(folder, 'qq-login.js'));
    const sections = filesIn('spa.md');
    const files = new Map([...sections.get('Four examples')!, ...sections.get(example)!]);
    // The document says that these two are Vue's page with another script.
    const page = sections.get('Vue 3')!.get('index.html')!;
    if (example === 'React') files.set('index.html', page.replace('main.js', 'main.jsx'));
    if (example === 'uni-app (H5)') for (const [name, code] of uniApp(page)) files.set(name, code);
    for (const [name, code] of files)
      writeFileSync(join(folder, name), code.replaceAll('https://api.shop.example', api));
    const options: InlineConfig = {
      root: folder,
      configFile: false,
      logLevel: 'error',
      plugins: [
        vue({
          template: { compilerOptions: example === 'uni-app (H5)' ? { isNativeTag: () => false } : {} },
        }),
      ],
      resolve: { alias: { '@dcloudio/uni-app': join(folder, 'uni-app.js') } },
      build: {
        outDir: 'dist',
        modulePreload: { polyfill: false },
        rolldownOptions: {
          input: [...files.keys()].filter((name) => name.endsWith('.html')).map((name) => join(folder, name)),
        },
      },
      preview: { host: '127.0.0.1', port: 0, allowedHosts: [HOST] },
    };
    mkdirSync(join(folder, 'dist'));
    vi.stubEnv('NODE_ENV', 'production');
    await build(options);
    vi.unstubAllEnvs();
    return new SpaExample(folder, await preview(options));
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

/** What uni-app's H5 build puts around pages: its components on HTML, its life cycle on Vue's, and `uni`. */
function uniApp(page: string): ReadonlyMap<string, string> {
  return new Map([
    ['index.html', page],
    ['uni-app.js', `export { onMounted as onLoad, onUnmounted as onUnload } from 'vue';`],
    [
      'main.js',
      `import { createApp, h } from 'vue';
import Login from './login.vue';
import QqCallback from './qq-callback.vue';

window.uni = {
  setStorageSync: (key, value) => localStorage.setItem(key, String(value)),
  reLaunch: ({ url }) => location.replace(url),
  showToast: ({ title }) => document.body.append(title),
};
const as = (tag) => (_props, { slots }) => h(tag, slots.default?.());
const app = createApp(location.pathname === '/qq-callback' ? QqCallback : Login);
app.component('view', as('div'));
app.component('text', as('span'));
app.component('label', as('label'));
app.component('button', {
  props: { formType: String },
  setup: (props, { slots }) => () => h('button', { type: props.formType || 'button' }, slots.default?.()),
});
app.component('form', {
  emits: ['submit'],
  setup: (_props, { emit, slots }) => () =>
    h('form', { onSubmit: (event) => (event.preventDefault(), emit('submit', event)) }, slots.default?.()),
});
app.component('image', (props) => h('img', { ...props, alt: '' }));
app.component('input', {
  props: { modelValue: String, type: String, password: Boolean, maxlength: Number, textContentType: String },
  emits: ['update:modelValue'],
  setup: (props, { emit }) => () =>
    h('input', {
      value: props.modelValue,
      type: props.password ? 'password' : 'text',
      autocomplete: props.textContentType || 'off',
      onInput: ({ target }) => emit('update:modelValue', target.value),
    }),
});
app.component('checkbox', (props) => h('input', { ...props, type: 'checkbox' }));
app.component('checkbox-group', {
  emits: ['change'],
  setup: (_props, { emit, slots }) => () =>
    h(
      'div',
      {
        onChange: ({ currentTarget }) =>
          emit('change', {
            detail: { value: [...currentTarget.querySelectorAll(':checked')].map(({ value }) => value) },
          }),
      },
      slots.default?.(),
    ),
});
app.mount('#app');
`,
    ],
  ]);
}
