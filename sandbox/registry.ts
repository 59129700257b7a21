/** An app registered at QQ Connect. */
export interface QqApp {
  readonly id: string;
  readonly key: string;
  /** The developer account that owns the app. Apps of one developer get one unionid. */
  readonly developer: string;
  /** Whether the app may ask for the unionid. */
  readonly unionid: boolean;
}

/** An app's given values. Missing ones are the default app's. */
export type QqAppOptions = Pick<QqApp, 'id' | 'key'> & Partial<QqApp>;

/** The app that the service uses by default. */
export const DEFAULT_APP: QqApp = {
  id: '101000001',
  key: 'sandbox-app-key',
  developer: 'sandbox',
  unionid: true,
};

const DEFAULT_REDIRECT_HOSTS = ['localhost', '127.0.0.1'];

/** What QQ Connect's console knows: the apps, and the hosts to which they may redirect. */
export class Registry {
  readonly #apps: ReadonlyMap<string, QqApp>;

  /** @param redirectHosts host names; subdomains and all ports of a name are included */
  constructor(
    apps: readonly QqAppOptions[] = [],
    private readonly redirectHosts: readonly string[] = DEFAULT_REDIRECT_HOSTS,
  ) {
    this.#apps = new Map([DEFAULT_APP, ...apps].map((app) => [app.id, { ...DEFAULT_APP, ...app }]));
  }

  /** The app with this id; undefined if it is not registered. */
  find(id: string | undefined): QqApp | undefined {
    return id === undefined ? undefined : this.#apps.get(id);
  }

  /** Whether QQ may redirect there: http(s), a registered host, no fragment, at most 500 bytes. */
  allows(redirectUri: string): boolean {
    // Only printable ASCII: it is sent unchanged in a header, and `new URL` would silently repair other characters.
    if (!/^https?:\/\/[\x21-\x7e]+$/.test(redirectUri) || redirectUri.length > 500) return false;
    if (redirectUri.includes('#') || !URL.canParse(redirectUri)) return false;
    const { hostname } = new URL(redirectUri);
    return this.redirectHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
  }
}
