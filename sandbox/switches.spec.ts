import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0 });
});
afterEach(() => sandbox.close());

async function put(switched: unknown, path = '/faults'): Promise<{ status: number; answer: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'PUT', headers, body: JSON.stringify(switched) };
  const response = await fetch(sandbox.url + path, init);
  return { status: response.status, answer: await response.json() };
}

async function read(): Promise<unknown> {
  return (await fetch(`${sandbox.url}/faults`)).json();
}

it('programs can read and set the switch for QQ faults', async () => {
  const slow = { mode: 'slow', on: 'token', ms: 20 };

  expect(await put(slow)).toEqual({ status: 200, answer: slow });
  expect(await read()).toEqual(slow);
  expect((await put({ mode: 'none' })).answer).toEqual({ mode: 'none', on: 'all', ms: 5000 });
});

it.each([
  [{ mode: 'tired' }, /^mode must be one of none, slow, /],
  [{}, /^mode must be one of/],
  [{ mode: 'slow', on: 'phone' }, /^on must be one of all, authorize, /],
  [{ mode: 'slow', ms: -1 }, /^ms must be a whole number/],
  [{ mode: 'slow', ms: '5000' }, /^ms must be a whole number/],
  [[], /^Send an object/],
])('the switch for QQ refuses %j with a sentence, and does not change', async (wrong, sentence) => {
  expect(await put(wrong)).toEqual({
    status: 400,
    answer: { statusCode: 400, error: 'Bad Request', message: expect.stringMatching(sentence) },
  });
  expect(await read()).toEqual({ mode: 'none', on: 'all', ms: 5000 });
});

it('the switch for QQ is a form for a client that accepts HTML', async () => {
  const headers = { accept: 'text/html,*/*;q=0.8' };
  const body = new URLSearchParams({ mode: 'hang', on: 'me', ms: '5000' });

  const page = await fetch(`${sandbox.url}/faults/`, { method: 'POST', headers, body });

  expect(await page.text()).toMatch(/role="status"[^>]*>\s*现在：一直不响应（查询身份 me）/);
  expect(await read()).toEqual({ mode: 'hang', on: 'me', ms: 5000 });
});

it('programs can read and set the switch for SMS', async () => {
  const late = { mode: 'late', ms: 20 };

  expect(await put(late, '/phone/faults')).toEqual({ status: 200, answer: late });
  expect(await (await fetch(`${sandbox.url}/phone/faults`)).json()).toEqual(late);
  expect((await put({ mode: 'none' }, '/phone/faults')).answer).toEqual({ mode: 'none', ms: 5000 });
});

it.each([
  [{ mode: 'slow_down' }, /^mode must be one of none, refuse, late, lost, /],
  [{ mode: 'late', ms: 0.5 }, /^ms must be a whole number/],
  [null, /^mode must be one of/],
])('the switch for SMS refuses %j with a sentence, and does not change', async (wrong, sentence) => {
  const { status, answer } = await put(wrong, '/phone/faults');

  expect(status).toBe(400);
  expect(answer).toMatchObject({ message: expect.stringMatching(sentence) });
  expect(sandbox.smsFault).toBe('none');
});

it('the switch for SMS is a form on the same page', async () => {
  const headers = { accept: 'text/html,*/*;q=0.8' };
  const body = new URLSearchParams({ mode: 'lost', ms: '5000' });

  const page = await fetch(`${sandbox.url}/phone/faults`, { method: 'POST', headers, body });

  expect(page.url).toBe(`${sandbox.url}/faults`);
  expect(await page.text()).toMatch(/role="status"[^>]*>\s*短信：网关收下，短信永远不到/);
  expect(sandbox.smsFault).toBe('lost');
});
