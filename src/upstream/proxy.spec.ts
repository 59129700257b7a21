import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { proxyAuthorization, proxyFor } from './proxy.js';

const PROXIES = { HTTP_PROXY: 'http://plain.example:8080', HTTPS_PROXY: 'http://secure.example:3128' };
const through = (url: string, more: object = {}) => proxyFor(url, { ...PROXIES, ...more })?.host;

describe('proxyFor', () => {
  it('proxyFor chooses by the scheme of the called URL', () => {
    expect(through('https://graph.qq.com')).toBe('secure.example:3128');
    expect(through('http://sms.example')).toBe('plain.example:8080');
    expect(through('https://graph.qq.com', { HTTPS_PROXY: undefined })).toBeUndefined();
  });

  it('proxyFor reads a proxy without a scheme as http', () => {
    expect(proxyFor('https://graph.qq.com', { HTTPS_PROXY: 'proxy.example:3128' })?.href).toBe(
      'http://proxy.example:3128/',
    );
  });

  it.each([
    ['*', 'https://graph.qq.com'],
    ['qq.com', 'https://graph.qq.com'],
    ['.qq.com', 'https://graph.qq.com'],
    ['*.qq.com', 'https://graph.qq.com'],
    ['GRAPH.qq.com', 'https://Graph.QQ.com'],
    ['graph.qq.com.', 'https://graph.qq.com'],
    ['other.example, qq.com', 'https://graph.qq.com'],
    ['other.example qq.com', 'https://graph.qq.com'],
    ['qq.com:443', 'https://graph.qq.com'],
    ['qq.com:8443', 'https://graph.qq.com:8443'],
    ['10.0.0.7', 'http://10.0.0.7'],
    ['10.0.0.7:8080', 'http://10.0.0.7:8080'],
    ['10.0.0.0/8', 'http://10.1.2.3:9000'],
    ['fd00::/8', 'http://[fd00::7]'],
    ['[fd00::7]', 'http://[fd00::7]'],
    ['fd00::7', 'http://[fd00::7]:81'],
    ['[fd00::7]:81', 'http://[fd00::7]:81'],
  ])('NO_PROXY=%s: %s is called directly', (NO_PROXY, url) => {
    expect(through(url, { NO_PROXY })).toBeUndefined();
  });

  it.each([
    ['', 'https://graph.qq.com'],
    [',', 'https://graph.qq.com'],
    ['raph.qq.com', 'https://graph.qq.com'],
    ['graph.qq.com', 'https://qq.com'],
    ['graph.qq.com', 'https://graph.qq.com.evil.example'],
    ['qq.com:8443', 'https://graph.qq.com'],
    ['10.0.0.7:8080', 'http://10.0.0.7'],
    ['10.0.0.0/8', 'http://11.1.2.3'],
    ['10.0.0.0/8', 'http://ten.example'],
    ['10.0.0.0/99', 'http://10.0.0.1'],
    ['fd00::/8', 'http://10.0.0.1'],
  ])('NO_PROXY=%s: %s goes through the proxy', (NO_PROXY, url) => {
    expect(through(url, { NO_PROXY })).toBeDefined();
  });

  it.each([
    'http://localhost:3001',
    'http://shop.localhost',
    'http://127.0.0.1',
    'http://127.8.8.8',
    'http://[::1]',
  ])('proxyFor never sends %s to a proxy, because it is this machine', (url) => {
    expect(through(url)).toBeUndefined();
  });
});

it('proxyAuthorization sends the user percent-decoded', () => {
  expect(proxyAuthorization(new URL('http://me:p%40ss%3A@proxy.example'))).toBe(
    `Basic ${Buffer.from('me:p@ss:').toString('base64')}`,
  );
  expect(proxyAuthorization(new URL('http://proxy.example'))).toBeUndefined();
});

describe('the settings', () => {
  const load = (env: Record<string, string>) =>
    loadConfig({ NODE_ENV: 'test', JWT_SECRET: 'x'.repeat(32), ...env });

  it('proxy settings in lower case are read too, with priority', () => {
    expect(
      load({ https_proxy: 'http://small:1', HTTPS_PROXY: 'http://large:1', no_proxy: 'a' }),
    ).toMatchObject({
      HTTPS_PROXY: 'http://small:1',
      NO_PROXY: 'a',
    });
    expect(load({ HTTP_PROXY: 'http://large:1', http_proxy: '' }).HTTP_PROXY).toBe('http://large:1');
  });

  it.each(['socks5://proxy:1080', 'http://', 'ftp://proxy', 'http://a:b%zz@proxy', 'http://proxy/path?'])(
    'an unusable proxy setting is refused by name and without its value: %s',
    (HTTPS_PROXY) => {
      expect(() => load({ HTTPS_PROXY })).toThrow(/HTTPS_PROXY: must be http:\/\/user:password@host:port$/);
    },
  );
});
