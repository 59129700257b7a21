import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';
import { Shop } from './shop.js';

let sandbox: Sandbox;
let shop: Shop;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0 });
  shop = new Shop(sandbox);
});
afterEach(() => sandbox.close());

async function events(): Promise<{ what: string; detail: string; status?: number }[]> {
  const response = await fetch(`${sandbox.url}/events`);
  return (await response.json()) as { what: string; detail: string; status?: number }[];
}

it('the journal lists the requests to QQ and to the SMS gateway with their answers, newest first', async () => {
  await shop.login('10002');
  await fetch(`${sandbox.url}/phone/messages`, {
    method: 'POST',
    headers: { authorization: 'Bearer sandbox-app-key', 'content-type': 'application/json' },
    body: JSON.stringify({ mobile: '13800138000', code: '246810', text: '验证码246810' }),
  });

  await expect
    .poll(events)
    .toEqual([
      expect.objectContaining({ what: '短信网关：发送', detail: '13800138000：验证码246810', status: 200 }),
      expect.objectContaining({ what: 'QQ：换取令牌', status: 200 }),
      expect.objectContaining({ what: 'QQ：授权页', detail: '林小满（10002）登录', status: 302 }),
    ]);
});

it('the journal says so when a request got no answer', async () => {
  sandbox.setFault({ mode: 'reset', on: 'token' });
  await expect(shop.login()).rejects.toThrow();

  const [entry] = await events();
  expect(entry).toMatchObject({ what: 'QQ：换取令牌' });
  expect(entry).not.toHaveProperty('status');
});

it('the journal has a page for people, without a secret of the shop', async () => {
  await shop.login('10001');

  const page = await (await fetch(`${sandbox.url}/events/`, { headers: { accept: 'text/html' } })).text();

  expect(page).toContain('小企鹅（10001）登录');
  expect(page).not.toContain('sandbox-app-key');
});

it('the sandbox serves a picture for each of its people', async () => {
  const picture = await fetch(`${sandbox.url}/pictures/10002.svg`);

  expect(picture.headers.get('content-type')).toContain('image/svg+xml');
  expect(await picture.text()).toContain('林');
});
