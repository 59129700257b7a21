import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

/** Served under their own names too: for other front ends, and for browsers that know no modules. */
const AS_THEY_ARE = ['qq-login.js', 'old-browser.js'];

/**
 * Builds the pages of `public/` into `dist/public/`: each page's modules in two small files, whose names change with
 * their content. In development and in tests the service serves `public/` as it is.
 */
export default defineConfig({
  root: 'public',
  base: './',
  publicDir: false,
  // It would warn of the script for old browsers, which is not to be bundled.
  logLevel: 'error',
  build: {
    outDir: '../dist/public',
    emptyOutDir: true,
    target: ['chrome70', 'safari13'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: ['public/index.html', 'public/oauth_callback.html', 'public/user.html'] },
  },
  plugins: [
    {
      name: 'pages',
      // The bundle has preloads of its own.
      transformIndexHtml: {
        order: 'pre',
        handler: (html) => html.replace(/ *<link rel="modulepreload"[^>]*>\n/g, ''),
      },
      generateBundle() {
        for (const fileName of AS_THEY_ARE)
          this.emitFile({ type: 'asset', fileName, source: readFileSync(`public/${fileName}`) });
      },
    },
  ],
});
