import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newPassword, newQq } from '../support/shopper.js';
import { type App, startApp } from '../support/start-app.js';

interface Line {
  readonly level: string;
  readonly time: string;
  readonly service: string;
  readonly version: string;
  readonly msg: string;
  readonly context?: string;
  readonly requestId?: string;
  readonly [field: string]: unknown;
}

let app: App;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => app.close());

const lines = (): Line[] =>
  app.logRecorder.lines
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

/** The log lines of one request, after its answer was logged. */
async function linesOf(requestId: string): Promise<Line[]> {
  return vi.waitFor(() => {
    const found = lines().filter((line) => line.requestId === requestId);
    expect(found.map(({ msg }) => msg)).toContain('Request answered');
    return found;
  });
}

describe('the log', () => {
  it('the log has one line per request: method, route pattern, status, errorCode, ms and no URL', async () => {
    const id = `request-${newPassword()}`;
    await app.shopper().send('/oauth/qq/users/?code=SECRET-CODE-1&state=SECRET-STATE-1', {
      headers: { 'x-request-id': id },
    });

    const [line, ...more] = (await linesOf(id)).filter(({ msg }) => msg === 'Request answered');

    expect(more).toEqual([]);
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'qq-account-service',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      context: 'Request',
      msg: 'Request answered',
      requestId: id,
      method: 'GET',
      route: '/oauth/qq/users',
      status: 400,
      errorCode: 'STATE_INVALID',
      ms: expect.any(Number),
    });
    expect(app.logRecorder.lines).not.toContain('SECRET-');
  });

  it('the log has the request id in every line that a request causes, also after its body was read', async () => {
    const shopper = app.shopper();
    const mobile = '13900001111';
    const pictureId = crypto.randomUUID();
    const picture = await shopper.get(`/image_codes/${pictureId}/`);
    const id = `request-${newPassword()}`;

    await shopper.send('/sms_codes/', {
      method: 'POST',
      body: { mobile, image_code_id: pictureId, image_code: picture.headers.get('x-image-code') },
      headers: { 'x-request-id': id },
    });

    const found = await linesOf(id);
    expect(found.map(({ msg }) => msg)).toContain('SMS code sent');
  });

  it('the request id is in what a bind logs, and in why a login came to nothing', async () => {
    const [bound, refused] = [`request-${newPassword()}`, `request-${newPassword()}`];
    const shopper = app.shopper();
    const body = await shopper.bindForm();
    const query = await shopper.approve(await shopper.start(), newQq());
    await shopper.send('/oauth/qq/users/', { method: 'POST', body, headers: { 'x-request-id': bound } });

    app.sandbox.setFault({ mode: 'no_openid', on: 'token' });
    await shopper.send(`/oauth/qq/users/?${query}`, { headers: { 'x-request-id': refused } });
    app.sandbox.setFault({ mode: 'none' });

    expect((await linesOf(bound)).map(({ msg }) => msg)).toContain('QQ bound');
    expect((await linesOf(refused)).map(({ msg }) => msg)).toContain('QQ_UNAVAILABLE');
  });

  it('the log does not list routes and modules at boot', () => {
    expect(lines().filter(({ context }) => /Router|InstanceLoader|NestFactory/.test(context ?? ''))).toEqual(
      [],
    );
  });

  it('the log does not mention successful health probes', async () => {
    const id = `request-${newPassword()}`;
    await app.shopper().send('/health/ready', { headers: { 'x-request-id': id } });
    const marker = `request-${newPassword()}`;
    await app.shopper().send('/user/', { headers: { 'x-request-id': marker } });
    await linesOf(marker);

    expect(lines().filter(({ requestId }) => requestId === id)).toEqual([]);
  });
});
