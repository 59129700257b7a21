import bcrypt from 'bcrypt';
import { setTimeout as sleep } from 'node:timers/promises';
import { availableParallelism } from 'node:os';
import type { Load, Server } from './processes.js';
import { startScript, startService } from './processes.js';
import type { Measured } from './report.js';
import type { Shop } from './shop.js';
import { type Figure, Work } from './work.js';

export interface Setting {
  readonly shop: Shop;
  readonly qq: Server;
  readonly loads: readonly [Load, Load];
  readonly accounts: number;
}

export const JWT_SECRET = 'a-secret-for-the-bench-0123456789-abcdefghij';
const NO_LIMIT = [
  'starts-per-ip',
  'callbacks-per-ip',
  'binds-per-ip',
  'password-checks-per-ip',
  'login-failures-per-ip',
];
const CONNECTIONS = 64;
/** Callbacks of each kind before the first row. */
const WARM_UP = 6000;
/** Logins per second while binds run. */
const STEADY_RATE = 200;

/** The environment of the service under test. With a production cost it runs in production mode, including its log. */
export function serviceEnv({ shop, qq }: Pick<Setting, 'shop' | 'qq'>, cost: number): Record<string, string> {
  return {
    ...sharedEnv({ shop, qq }, cost),
    // Other modes log readable lines, which cost more than the work.
    ...(cost >= 10 ? { NODE_ENV: 'production' } : { NODE_ENV: 'test', LOG_LEVEL: 'error' }),
    PUBLIC_URL: 'http://localhost:3000',
    QQ_APP_ID: '101000001',
    QQ_APP_KEY: 'bench-app-key',
    QQ_REDIRECT_URI: 'http://localhost:3000/oauth_callback.html',
    SMS_GATEWAY: 'http',
    SMS_HTTP_URL: 'http://localhost:1/sms',
    SMS_HTTP_KEY: 'bench-sms-key',
    TRUST_PROXY: '127.0.0.1',
    LIMITS: NO_LIMIT.map((rule) => `${rule}=100000000/60`).join(),
  };
}

function sharedEnv({ shop, qq }: Pick<Setting, 'shop' | 'qq'>, cost: number): Record<string, string> {
  return {
    DATABASE_URL: shop.databaseUrl,
    REDIS_URL: shop.redisUrl,
    QQ_BASE_URL: `http://127.0.0.1:${qq.port}`,
    JWT_SECRET,
    BCRYPT_COST: String(cost),
  };
}

type Who = 'ours' | 'handWritten' | 'fewest';
type Works = Readonly<Record<Who, Work>>;
type Name = Exclude<keyof Measured, 'start' | 'bcrypt'>;

/** Measures every row once. Our server and the hand-written one alternate row by row, so that noise affects both. */
export class Rounds {
  private measured: Measured = {};

  constructor(
    private readonly setting: Setting,
    private readonly seconds: number,
  ) {}

  async run(): Promise<Measured> {
    this.measured = {};
    await this.withServers(10, async (works, readyAfter) => {
      this.measured.start = { seconds: readyAfter };
      await this.bare(works);
      await this.logins(works);
      await this.binds(works, 'bindNew', 'bindExisting', this.seconds * 40);
      await this.mixed(works);
      this.measured.overflow = { ours: await this.overflow(works.ours) };
    });
    await this.withServers(4, (works) =>
      this.binds(works, 'bindNewCost4', 'bindExistingCost4', this.seconds * 700),
    );
    return this.measured;
  }

  private async withServers(
    cost: number,
    use: (works: Works, readyAfter: number) => Promise<void>,
  ): Promise<void> {
    const { shop, loads, accounts } = this.setting;
    await shop.setCost(cost);
    const service = await startService(serviceEnv(this.setting, cost));
    const env = sharedEnv(this.setting, cost);
    const others = [
      await startScript('hand-written', env),
      await startScript('hand-written', { ...env, FEWEST: '1' }),
    ];
    try {
      const [ours, handWritten, fewest] = [service, ...others].map(
        (server) => new Work(server, loads[0], shop, accounts),
      ) as [Work, Work, Work];
      for (const work of [ours, handWritten, fewest]) await this.warmUp(work);
      await use({ ours, handWritten, fewest }, service.readyAfter);
    } finally {
      await Promise.all([service, ...others].map((server) => server.stop()));
    }
  }

  /** The first requests open connections, and let V8 compile what they run through. */
  private async warmUp(work: Work): Promise<void> {
    const limits = { connections: CONNECTIONS, seconds: 60 };
    await work.callbacks(await work.states(WARM_UP), 'bound', limits);
    await work.callbacks(await work.states(WARM_UP), 'unbound', limits);
    await work.get('/user/', { ...limits, seconds: 1 }, await this.tokenOf(work));
  }

  private async each(works: Works, name: Name, measure: (work: Work) => Promise<Figure>): Promise<void> {
    for (const who of ['ours', 'handWritten', 'fewest'] as const)
      this.measured[name] = { ...this.measured[name], [who]: await measure(works[who]) };
  }

  /** The bounds: a route that does nothing, one look-up in each server, bcrypt alone. */
  private async bare({ handWritten }: Works): Promise<void> {
    const limits = { connections: CONNECTIONS, seconds: this.seconds };
    this.measured.bareRoute = { handWritten: await handWritten.get('/bare', limits) };
    const begin = performance.now();
    const hashes = Math.ceil(this.seconds * 10 * availableParallelism());
    await Promise.all(Array.from({ length: hashes }, () => bcrypt.hash('a password', 10)));
    this.measured.bcrypt = { rate: hashes / ((performance.now() - begin) / 1000) };
  }

  private async logins(works: Works): Promise<void> {
    const { seconds } = this;
    const { qq } = this.setting;
    const limits = { connections: CONNECTIONS, seconds };
    await this.each(works, 'authorizationUrl', (work) => work.starts(limits));
    await this.each(works, 'login', async (work) =>
      work.callbacks(await work.states(seconds * 6000), 'bound', limits),
    );
    await this.each(works, 'loginWithSlowQq', async (work) => {
      const states = await work.states(seconds * 2500);
      qq.child.send({ delayMs: 50 });
      const figure = await work.callbacks(states, 'bound', { connections: 100, seconds });
      qq.child.send({ delayMs: 0 });
      return figure;
    });
    await this.each(works, 'unboundCallback', async (work) =>
      work.callbacks(await work.states(seconds * 6000), 'unbound', limits),
    );
    await this.each(works, 'whoAmI', async (work) => work.get('/user/', limits, await this.tokenOf(work)));
  }

  private async binds(works: Works, newcomers: Name, existing: Name, count: number): Promise<void> {
    // More of them at cost 10 would fill the hash queue of a slow machine.
    const limits = { connections: newcomers === 'bindNew' ? 16 : 32, seconds: this.seconds };
    for (const [name, whose] of [
      [newcomers, 'new'],
      [existing, 'existing'],
    ] as const)
      await this.each(works, name, async (work) => {
        // To warm up, as in warmUp.
        await work.binds(await work.tokens(count / 4), whose, limits);
        return work.binds(await work.tokens(count), whose, limits);
      });
  }

  /** Binds together with logins: first as many logins as possible, then a steady rate. */
  private async mixed(works: Works): Promise<void> {
    const { seconds, measured } = this;
    for (const who of ['ours', 'handWritten'] as const) {
      const flat = await this.beside(works[who]);
      measured.loginsBesideBinds = { ...measured.loginsBesideBinds, [who]: flat.logins };
      measured.bindsBesideLogins = { ...measured.bindsBesideLogins, [who]: flat.binds };
      const states = await works[who].states(seconds * STEADY_RATE);
      const alone = await works[who].callbacks(states, 'bound', {
        connections: 32,
        seconds,
        rate: STEADY_RATE,
      });
      measured.steadyLogins = { ...measured.steadyLogins, [who]: alone };
      const steady = await this.beside(works[who], STEADY_RATE);
      measured.steadyLoginsBesideBinds = { ...measured.steadyLoginsBesideBinds, [who]: steady.logins };
      measured.bindsBesideSteadyLogins = { ...measured.bindsBesideSteadyLogins, [who]: steady.binds };
    }
  }

  private async beside(work: Work, rate?: number): Promise<{ logins: Figure; binds: Figure }> {
    const { seconds } = this;
    const states = await work.states(seconds * (rate ?? 4000));
    const tokens = await work.tokens(seconds * 40);
    const [logins, binds] = await Promise.all([
      work.callbacks(states, 'bound', { connections: 32, seconds, ...(rate && { rate }) }),
      work.with(this.setting.loads[1]).binds(tokens, 'new', { connections: 16, seconds }),
    ]);
    return { logins, binds };
  }

  /** How long a refusal takes while the hash queue is full. */
  private async overflow(work: Work): Promise<Figure> {
    // Several times what the cores can hash, for longer than the probes take.
    const flood = { connections: 800, seconds: 9, rate: 200 };
    const filling = work.with(this.setting.loads[1]).guesses(9 * 200, flood);
    await sleep(4000);
    const probes = await work.guesses(100, { connections: 4, seconds: 4, rate: 25 });
    await filling;
    return probes;
  }

  private async tokenOf(work: Work): Promise<string> {
    const limits = { connections: 1, seconds: 5 };
    const { outcome } = await work.callbacks(await work.states(1), 'bound', limits);
    return `Authorization: Bearer ${outcome.collected[0]}\r\n`;
  }
}
