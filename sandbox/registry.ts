/** An app registered at QQ Connect. */
export interface QqApp {
  readonly id: string;
  readonly key: string;
  /** The developer account that owns it: apps of one developer see one unionid. */
  readonly developer: string;
  /** Whether it may ask for the unionid. */
  readonly unionid: boolean;
}

/** What a caller has to say of an app: the rest is the default app's. */
export type QqAppOptions = Pick<QqApp, 'id' | 'key'> & Partial<QqApp>;

/** The app the service uses when nothing else is configured. */
export const DEFAULT_APP: QqApp = {
  id: '101000001',
  key: 'sandbox-app-key',
  developer: 'sandbox',
  unionid: true,
};

const DEFAULT_REDIRECT_HOSTS = ['localhost', '127.0.0.1'];

/** What QQ Connect's console knows: the apps, and the hosts they may send people back to. */
export class Registry {
  readonly #apps: ReadonlyMap<string, QqApp>;

  /** @param redirectHosts host names; a name's subdomains and every port are registered with it */
  constructor(
    apps: readonly QqAppOptions[] = [],
    private readonly redirectHosts: readonly string[] = DEFAULT_REDIRECT_HOSTS,
  ) {
    this.#apps = new Map([DEFAULT_APP, ...apps].map((app) => [app.id, { ...DEFAULT_APP, ...app }]));
  }

  /** The app of that id, if it is registered. */
  find(id: string | undefined): QqApp | undefined {
    return id === undefined ? undefined : this.#apps.get(id);
  }

  /** Whether people may be sent back there: http(s), a registered host, no fragment, at most 500 bytes. */
  allows(redirectUri: string): boolean {
    // Printable ASCII alone: it goes into a header as it came, and `new URL` would quietly mend the rest.
    if (!/^https?:\/\/[\x21-\x7e]+$/.test(redirectUri) || redirectUri.length > 500) return false;
    if (redirectUri.includes('#') || !URL.canParse(redirectUri)) return false;
    const { hostname } = new URL(redirectUri);
    return this.redirectHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
  }
}
