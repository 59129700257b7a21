import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, shopUrl: 'http://shop.example/' });
});
afterAll(() => sandbox.close());

it.each(['/', '/phone/', '/faults/', '/oauth2.0/cancelled', '/oauth2.0/show'])(
  '%s is a page without inline code',
  async (path) => {
    const response = await fetch(`${sandbox.url}${path}`, { headers: { accept: 'text/html' } });

    const page = await response.text();
    expect(page).toContain('<main>');
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
    for (const [, file] of page.matchAll(/(?:src|href)="(\/pages\/[^"]+)"/g))
      expect((await fetch(`${sandbox.url}${file}`)).status).toBe(200);
  },
);

it('the home page leads to the shop, the phone and the faults', async () => {
  const page = await (await fetch(sandbox.url)).text();

  for (const href of ['http://shop.example/', '/phone/', '/faults/'])
    expect(page).toContain(`href="${href}"`);
});
