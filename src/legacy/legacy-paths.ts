/** A path of the old shop's pages and the route that answers it. */
interface LegacyPath {
  readonly method: string;
  readonly path: RegExp;
  /** For a path that we also have: which requests come from the old pages; missing: all. */
  readonly when?: (query: URLSearchParams) => boolean;
  readonly route: string;
}

/** Our own pages send `binding=browser` when they start a login, and get the signed state. */
const isOldStart = (query: URLSearchParams): boolean => query.get('binding') !== 'browser';
/** The old pages return no state, or the bare path they were given. */
const isOldCallback = (query: URLSearchParams): boolean =>
  query.has('code') && /^(?:\/|$)/.test(query.get('state') ?? '');

/** Both families of old front ends. */
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

/** Maps a URL of the old shop's pages to our route. Other URLs are returned unchanged. For `LEGACY_CLIENT=true`. */
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
