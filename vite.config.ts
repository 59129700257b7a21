import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import { withParts } from './src/http/page-parts.js';

/** Also served under their own names: for other front ends, and for browsers without modules. */
const AS_THEY_ARE = ['qq-login.js', 'old-browser.js'];

/**
 * Builds the pages of `public/` into `dist/public/`. The modules of each page become two small files, whose names
 * change with their content. In development and in tests the service serves `public/` unchanged.
 */
export default defineConfig({
  root: 'public',
  base: './',
  publicDir: false,
  // Vite would warn about the script for old browsers, which is not bundled.
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
      // The bundle has its own preloads.
      transformIndexHtml: {
        order: 'pre',
        handler: (html) => withParts(html, 'public').replace(/ *<link rel="modulepreload"[^>]*>\n/g, ''),
      },
      generateBundle() {
        for (const fileName of AS_THEY_ARE)
          this.emitFile({ type: 'asset', fileName, source: readFileSync(`public/${fileName}`) });
      },
    },
  ],
});
