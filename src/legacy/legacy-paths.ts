/** A path of the old shop's pages, and the route that answers it. */
interface LegacyPath {
  readonly method: string;
  readonly path: RegExp;
  /** Which requests of a path that is ours too are the old pages'; missing: all. */
  readonly when?: (query: URLSearchParams) => boolean;
  readonly route: string;
}

/** Our own pages say `binding=browser` when they start a login, and get the signed state. */
const isOldStart = (query: URLSearchParams): boolean => query.get('binding') !== 'browser';
/** The old pages bring back no state, or the bare path that they were given. */
const isOldCallback = (query: URLSearchParams): boolean =>
  query.has('code') && /^(?:\/|$)/.test(query.get('state') ?? '');

/** Two families of front ends exist; both are here. */
const PATHS: readonly LegacyPath[] = [
  { method: 'GET', path: /^\/oauth\/qq\/statues$/, route: '/legacy/login' },
  { method: 'GET', path: /^\/oauth\/qq\/authorizations?$/, when: isOldStart, route: '/legacy/login' },
  { method: 'GET', path: /^\/oauth\/qq\/users?$/, when: isOldCallback, route: '/legacy/callback' },
  { method: 'POST', path: /^\/oauth\/qq\/users?$/, route: '/legacy/bind' },
  { method: 'POST', path: /^\/users$/, route: '/legacy/users' },
  { method: 'POST', path: /^\/users\/auths$/, route: '/legacy/authorizations' },
  { method: 'GET', path: /^\/users\/infos$/, route: '/user' },
  { method: 'GET', path: /^\/users\/browerhistories$/, route: '/legacy/histories' },
  { method: 'GET', path: /^\/verifications\/imagecodes\/([^/]+)$/, route: '/image_codes/$1' },
  {
    method: 'GET',
    path: /^\/(?:verifications\/smscodes|sms_codes)\/([^/]+)$/,
    route: '/legacy/sms_codes/$1',
  },
  { method: 'GET', path: /^\/(?:users\/)?usernames\/([^/]+)\/count$/, route: '/legacy/usernames/$1' },
  { method: 'GET', path: /^\/(?:users\/phones|mobiles)\/([^/]+)\/count$/, route: '/legacy/mobiles/$1' },
];

/** Where a request of the old shop's pages goes; any other URL stays as it is. For `LEGACY_CLIENT=true`. */
export function legacyUrl(method: string, url: string): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
  const plain = path.replace(/\/$/, '');
  const found = PATHS.find(
    (one) =>
      one.method === method && one.path.test(plain) && (one.when?.(new URLSearchParams(query)) ?? true),
  );
  if (!found) return url;
  return plain.replace(found.path, found.route) + (query && `?${query}`);
}
