import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from './sandbox.js';

const SMS = { mobile: '13800138000', code: '246810', text: '【商城】验证码246810，5分钟内有效。' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ port: 0, now: () => Date.UTC(2026, 0, 1) });
});
afterEach(() => sandbox.close());

function send(
  message: unknown,
  authorization = 'Bearer sandbox-app-key',
  patienceMs = 5000,
): Promise<Response> {
  return fetch(`${sandbox.url}/phone/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(patienceMs),
  });
}

async function inbox(query = ''): Promise<unknown> {
  return (await fetch(`${sandbox.url}/phone/messages${query}`)).json();
}

describe('the phone', () => {
  it('the phone shows the messages of a mobile, newest first', async () => {
    await send(SMS);
    await send({ ...SMS, mobile: '13900139000' });
    await send({ ...SMS, code: '135791' });

    const at = '2026-01-01T00:00:00.000Z';
    expect(await inbox('?mobile=13800138000')).toEqual([
      { ...SMS, code: '135791', at },
      { ...SMS, at },
    ]);
    expect(await inbox()).toHaveLength(3);
    expect(await inbox('?mobile=13700137000')).toEqual([]);
    expect(sandbox.messages('13900139000')).toEqual([{ ...SMS, mobile: '13900139000', at }]);
  });

  it.each(['', 'Bearer wrong', 'Basic sandbox-app-key'])('the gateway refuses the key "%s"', async (key) => {
    expect((await send(SMS, key)).status).toBe(401);
    expect(sandbox.messages()).toEqual([]);
  });

  it.each([{}, { ...SMS, code: 246810 }, [], 'hello'])(
    'the gateway refuses the message %j',
    async (message) => {
      expect((await send(message)).status).toBe(400);
    },
  );

  it('the phone keeps the newest 200 messages', async () => {
    for (let i = 0; i < 201; i++) await send({ ...SMS, code: String(100_000 + i) });

    const codes = sandbox.messages().map(({ code }) => code);
    expect(codes).toHaveLength(200);
    expect(codes[0]).toBe('100200');
    expect(codes.at(-1)).toBe('100001');
  });

  it('an open phone page receives every message as it arrives', async () => {
    const stream = await fetch(`${sandbox.url}/phone/events`);
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('retry: 1000\n\n');

    await send(SMS);

    expect((await reader.read()).value).toBe(
      `data: ${JSON.stringify({ ...SMS, at: '2026-01-01T00:00:00.000Z' })}\n\n`,
    );
  });

  it('the phone page escapes a message', async () => {
    await send({ ...SMS, text: '<img src=x onerror=alert(1)>' });

    const page = await (await fetch(`${sandbox.url}/phone/`)).text();

    expect(page).toContain('&#60;img src=x');
    expect(page).not.toContain('<img src=x');
  });
});

describe('the gateway', () => {
  it('a refusing gateway answers 500, and no message arrives', async () => {
    sandbox.smsFault = 'refuse';
    expect((await send(SMS)).status).toBe(500);
    expect(sandbox.messages()).toEqual([]);

    sandbox.smsFault = 'none';
    expect((await send(SMS)).status).toBe(200);
  });

  it('a slow gateway accepts a message that arrives late', async () => {
    sandbox.setSmsFault({ mode: 'late', ms: 50 });

    expect((await send(SMS)).status).toBe(200);
    expect(sandbox.messages()).toEqual([]);

    await expect.poll(() => sandbox.messages()).toHaveLength(1);
  });

  it('a lossy gateway accepts a message that never arrives', async () => {
    sandbox.smsFault = 'lost';

    expect((await send(SMS)).status).toBe(200);
    expect(sandbox.messages()).toEqual([]);
  });

  it('a gateway with a slow answer delivers the message first', async () => {
    sandbox.setSmsFault({ mode: 'slow', ms: 600_000 });

    let answered = false;
    const answer = send(SMS).finally(() => (answered = true));

    await expect.poll(() => sandbox.messages()).toHaveLength(1);

    expect(answered).toBe(false);
    await sandbox.close();
    expect((await answer).status).toBe(200);
  });

  it('a resetting gateway hangs up', async () => {
    sandbox.smsFault = 'reset';

    await expect(send(SMS)).rejects.toThrow('fetch failed');
    expect(sandbox.messages()).toEqual([]);
  });

  it('a hanging gateway does not keep the sandbox from closing', async () => {
    sandbox.smsFault = 'hang';

    await expect(send(SMS, undefined, 100)).rejects.toThrow(/timeout/);

    expect(sandbox.messages()).toEqual([]);
    await expect(sandbox.close()).resolves.toBeUndefined();
  });
});
