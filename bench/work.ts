import type { Outcome } from './load.js';
import { boundQq, mobileOf, PASSWORD, type Shop, SMS_CODE, unboundQq } from './shop.js';
import { cpuSeconds, type Load, type Server } from './processes.js';

/** The result of one kind of work on one server. */
export interface Figure {
  /** Per second. */
  readonly rate: number;
  /** CPU milliseconds per request of the server's processes. */
  readonly cpuMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly outcome: Outcome;
}

export interface Limits {
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second; missing: as many as possible. */
  readonly rate?: number;
  /** Whether other answers than 200 are expected. */
  readonly anyOutcome?: boolean;
}

/** Counts numbers, so that no round uses a number again. */
let used = 0;

/** One server and the requests to it. */
export class Work {
  private readonly cookie = 'qq_login=AAAAAAAAAAAAAAAAAAAAAA';

  constructor(
    private readonly server: Server,
    private readonly load: Load,
    private readonly shop: Shop,
    private readonly accounts: number,
  ) {}

  /** The same server with another load client. */
  with(load: Load): Work {
    return new Work(this.server, load, this.shop, this.accounts);
  }

  /** Repeats one GET. */
  async get(path: string, limits: Limits, headers = ''): Promise<Figure> {
    return this.measure([request('GET', path, headers)], limits, true);
  }

  /** Starts logins. Their states can be used in `callbacks`. */
  async starts(limits: Limits): Promise<Figure> {
    const path = '/oauth/qq/authorization/?next=/cart.html';
    return this.measure([request('GET', path, `Cookie: ${this.cookie}\r\n`)], limits, true, 'state=([^&"]+)');
  }

  /** Returns from QQ with a code of a bound or unbound QQ. */
  async callbacks(states: readonly string[], whose: 'bound' | 'unbound', limits: Limits): Promise<Figure> {
    const requests = states.map((state) => {
      used += 1;
      const code = whose === 'bound' ? boundQq(1 + (used % this.accounts)) : unboundQq(used);
      return request('GET', `/oauth/qq/users/?code=${code}&state=${state}`, `Cookie: ${this.cookie}\r\n`);
    });
    return this.measure(requests, limits, false, '"(?:access_)?token":"([^"]+)');
  }

  /** Binds the QQs of these tokens, each to a new or to an existing account. */
  async binds(tokens: readonly string[], whose: 'new' | 'existing', limits: Limits): Promise<Figure> {
    const forms = tokens.map((access_token) => {
      used += 1;
      const mobile =
        whose === 'existing' ? mobileOf(1 + (used % this.accounts)) : String(19_000_000_000 + used);
      return {
        mobile,
        password: whose === 'existing' ? PASSWORD : `Bench-${used}-x`,
        sms_code: SMS_CODE,
        access_token,
      };
    });
    await this.shop.giveSmsCodes(forms.map(({ mobile }) => mobile));
    const requests = forms.map((form) =>
      request('POST', '/oauth/qq/users/', `Cookie: ${this.cookie}\r\n`, JSON.stringify(form)),
    );
    return this.measure(requests, limits, false);
  }

  /** Logs in with unknown usernames, which costs as much as a wrong password. Every answer is accepted. */
  async guesses(count: number, limits: Limits): Promise<Figure> {
    const requests = Array.from({ length: count }, (_, nth) =>
      request(
        'POST',
        '/authorizations/',
        '',
        JSON.stringify({ username: `nobody_${nth}`, password: PASSWORD }),
      ),
    );
    return this.measure(requests, { ...limits, anyOutcome: true }, false);
  }

  /** States for so many callbacks. */
  async states(count: number): Promise<string[]> {
    const states: string[] = [];
    while (states.length < count) {
      const { outcome } = await this.starts({ connections: 16, seconds: 2 });
      for (const state of outcome.collected) states.push(state);
    }
    return states.slice(0, count);
  }

  /** Bind tokens for so many binds. */
  async tokens(count: number): Promise<string[]> {
    const figure = await this.callbacks(await this.states(count), 'unbound', {
      connections: 16,
      seconds: 120,
    });
    return [...figure.outcome.collected];
  }

  private async measure(
    requests: readonly string[],
    { connections, seconds, rate, anyOutcome = false }: Limits,
    cycle: boolean,
    collect?: string,
  ): Promise<Figure> {
    const before = cpuSeconds(this.server);
    const outcome = await this.load.run({
      port: this.server.port,
      connections,
      requests,
      cycle,
      seconds,
      ...(rate !== undefined && { rate }),
      ...(collect !== undefined && { collect }),
    });
    const cpuMs = ((cpuSeconds(this.server) - before) * 1000) / outcome.count;
    const others = Object.entries(outcome.outcomes).filter(([code]) => code !== '200');
    if (!anyOutcome && others.length > 0)
      throw new Error(`${requests[0]!.split('\r\n', 1)[0]} answered ${JSON.stringify(outcome.outcomes)}`);
    return { rate: outcome.count / outcome.seconds, cpuMs, p50: outcome.p50, p99: outcome.p99, outcome };
  }
}

/** Each request has another client network, in X-Forwarded-For. */
let networks = 0;

function request(method: string, path: string, headers: string, body?: string): string {
  networks += 1;
  const address = `10.${(networks >> 16) & 255}.${(networks >> 8) & 255}.${networks & 255}`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${address}\r\n${headers}`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
