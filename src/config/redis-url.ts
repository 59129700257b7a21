import { isServer } from './config-rules.js';

/** The servers that `REDIS_URL` names. */
export type RedisServers =
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly string[] }
  | RedisSentinels;

/** A group of servers whose primary is known to Sentinel. */
export interface RedisSentinels {
  readonly kind: 'sentinel';
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The group's name in Sentinel. */
  readonly name: string;
  readonly db: number;
  readonly tls: boolean;
  /** For the Redis servers. */
  readonly username?: string;
  readonly password?: string;
  /** For the Sentinels, if they need one. */
  readonly sentinelPassword?: string;
}

export const REDIS_URL_FORM =
  'redis://user:password@host:6379/2, several of them for a Redis Cluster, or ' +
  'redis+sentinel://user:password@host:26379,host:26379/group/2, special characters percent-encoded';

const SENTINEL = /^(?<protocol>rediss?)\+sentinel:\/\/(?:(?<user>[^@/]*)@)?(?<hosts>[^/?#@]+)\/(?<rest>.+)$/;
/** Sentinel's default port. */
const SENTINEL_PORT = 26_379;

export const isRedisUrl = (text: string): boolean => parseRedisUrl(text) !== undefined;

/** @returns undefined when the text has none of the forms of {@link REDIS_URL_FORM} */
export function parseRedisUrl(text: string): RedisServers | undefined {
  const sentinel = SENTINEL.exec(text.trim())?.groups;
  if (sentinel) return parseSentinels(sentinel);
  const nodes = text
    .split(',')
    .map((node) => node.trim())
    .filter(Boolean);
  // A Redis Cluster has only database 0.
  const path = nodes.length > 1 ? /^\/?0?$/ : /^\/?\d*$/;
  if (nodes.length === 0 || !nodes.every((node) => isServer(node, /^rediss?:\/\//, path))) return undefined;
  return nodes.length > 1 ? { kind: 'cluster', nodes } : { kind: 'server', url: nodes[0]! };
}

function parseSentinels(parts: Record<string, string | undefined>): RedisSentinels | undefined {
  const { protocol, user, hosts = '', rest = '' } = parts;
  // The URL without its hosts, so that the other parts are parsed like those of any URL.
  const url = `redis://${user === undefined ? '' : `${user}@`}group/${rest}`;
  const servers = hosts.split(',').map((host) => `redis://${host.trim()}`);
  if (![url, ...servers].every((server) => isServer(server, /^redis:/, /^\/?[^/]*(?:\/\d*)?$/)))
    return undefined;
  if (!servers.every((server) => new URL(server).pathname === '')) return undefined;
  const { username, password, pathname, searchParams } = new URL(url);
  const [, name = '', db = ''] = pathname.split('/');
  if (name === '') return undefined;
  const sentinelPassword = searchParams.get('sentinel_password');
  return {
    kind: 'sentinel',
    sentinels: servers.map((server) => {
      const { hostname, port } = new URL(server);
      return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || SENTINEL_PORT) };
    }),
    name: decodeURIComponent(name),
    db: Number(db),
    tls: protocol === 'rediss',
    ...credentialsOf({ username, password }),
    ...(sentinelPassword && { sentinelPassword }),
  };
}

/** The user and the password of a URL, percent-decoded. */
export function credentialsOf({ username, password }: Pick<URL, 'username' | 'password'>) {
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}
