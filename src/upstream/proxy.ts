import { BlockList, isIP, isIPv6 } from 'node:net';
import { withScheme } from '../config/config-rules.js';

/** The proxy settings in the environment, with the names that curl and Go use. */
export interface ProxySettings {
  readonly HTTP_PROXY?: string;
  readonly HTTPS_PROXY?: string;
  readonly NO_PROXY?: string;
}

/** The proxy for calls to this URL; undefined for a direct call. */
export function proxyFor(
  url: string,
  { HTTP_PROXY, HTTPS_PROXY, NO_PROXY = '' }: ProxySettings,
): URL | undefined {
  const { protocol, hostname, port } = new URL(url);
  const proxy = protocol === 'https:' ? HTTPS_PROXY : HTTP_PROXY;
  if (!proxy) return undefined;
  const host = bare(hostname);
  // A proxy cannot reach services on this machine.
  if (isLoopback(host)) return undefined;
  const target = { host, port: port || (protocol === 'https:' ? '443' : '80') };
  const direct = NO_PROXY.split(/[\s,]+/).some(
    (entry) => entry !== '' && covers(entry.toLowerCase(), target),
  );
  return direct ? undefined : new URL(withScheme(proxy));
}

/** `Basic …` for a proxy URL with a user; undefined without one. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (!username) return undefined;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** Whether an entry of `NO_PROXY` (`*`, a domain, an address or a CIDR; with or without a port) names the host. */
function covers(entry: string, { host, port }: { host: string; port: string }): boolean {
  if (entry === '*') return true;
  const [, withPort, entryPort] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = bare((withPort ?? entry).replace(/^\*?\./, ''));
  if (host === name || host.endsWith(`.${name}`)) return true;
  return isIP(host) !== 0 && inNetwork(name, host);
}

function inNetwork(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  if (!/^\d{1,3}$/.test(bits) || isIP(network) === 0 || Number(bits) > (isIPv6(network) ? 128 : 32))
    return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family(network));
  return list.check(address, family(address));
}

const family = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** Removes an IPv6 address's brackets and a domain's final dot. */
const bare = (host: string): string =>
  host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isIP(host) !== 0 && (inNetwork('127.0.0.0/8', host) || host === '::1');
}
