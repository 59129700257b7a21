import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { HttpSmsGateway } from './http-sms-gateway.js';

let server: Server | undefined;
let gateway: HttpSmsGateway | undefined;

afterEach(async () => {
  await gateway?.onApplicationShutdown();
  server?.closeAllConnections();
  server?.close();
});

/** The result of `send` when the gateway answers this. */
async function sent(status: number, body: string, success?: string): Promise<string> {
  server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`;
  const settings = { SMS_HTTP_URL: url, SMS_HTTP_KEY: 'key', ...(success && { SMS_HTTP_SUCCESS: success }) };
  gateway = new HttpSmsGateway(
    loadConfig({ JWT_SECRET: 'a-secret-for-tests-0123456789-abcdefghij', ...settings }),
  );
  return gateway.send('13800138000', '246810').catch((error: { code: string }) => error.code);
}

describe('the HTTP gateway with SMS_HTTP_SUCCESS=code=OK', () => {
  it.each([
    ['its field and value', 200, '{"code":"OK","id":7}', 'accepted'],
    ['another value', 200, '{"code":"LIMIT_CONTROL"}', 'SMS_UNAVAILABLE'],
    ['no such field', 200, '{"message":"OK"}', 'SMS_UNAVAILABLE'],
    ['an inherited field', 200, '[]', 'SMS_UNAVAILABLE'],
    ['no JSON', 200, 'OK', 'SMS_UNAVAILABLE'],
    ['its field and value, with an error status', 500, '{"code":"OK"}', 'SMS_UNAVAILABLE'],
    ['a time-out behind the gateway', 504, '{}', 'unknown'],
  ])('SMS_HTTP_SUCCESS=code=OK: %s', async (_, status, body, outcome) => {
    expect(await sent(status, body, 'code=OK')).toBe(outcome);
  });

  it('SMS_HTTP_SUCCESS compares a number as text', async () => {
    expect(await sent(200, '{"ret":0}', 'ret=0')).toBe('accepted');
  });
});

describe('the HTTP gateway without SMS_HTTP_SUCCESS', () => {
  it.each([
    [200, 'accepted'],
    [202, 'accepted'],
    [400, 'SMS_UNAVAILABLE'],
    [504, 'unknown'],
  ])('without SMS_HTTP_SUCCESS, status %i alone decides: %s', async (status, outcome) => {
    expect(await sent(status, 'whatever')).toBe(outcome);
  });
});
