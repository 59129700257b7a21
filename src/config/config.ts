import { hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainToInstance } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
  validateSync,
} from 'class-validator';
import { is, isNetwork, isOrigin, isServer, list, number, webUrl, yesNo } from './config-rules.js';

/** Where the embedded mode keeps its database and its secret, below the working directory. */
const DATA_DIRECTORY = '.data';
const SANDBOX_APP_ID = '101000001';
const SANDBOX_APP_KEY = 'sandbox-app-key';

const sendsByHttp = (config: { SMS_GATEWAY: string }) => config.SMS_GATEWAY === 'http';

/** Every setting of the service. Its own injection token; frozen after boot. */
export class Config {
  @IsIn(['development', 'test', 'production'])
  readonly NODE_ENV: string = 'development';

  @IsString() readonly HOST: string;

  /** 0 takes a free port. */
  @number @IsInt() @Min(0) @Max(65535) readonly PORT: number = 3000;

  /** How browsers reach the service; https makes the browser cookie `__Host-` and Secure. */
  @IsUrl(webUrl) readonly PUBLIC_URL: string;

  /** The origins whose pages may call the service; compared exactly. */
  @list @is('origins such as https://www.example', isOrigin, true) readonly WEB_ORIGINS: string[];

  /** Addresses or CIDRs whose `X-Forwarded-For` is believed; empty: nobody's. */
  @list @is('addresses or CIDRs', isNetwork, true) readonly TRUST_PROXY: string[] = [];

  /** Empty: the embedded SQLite file. */
  @IsOptional()
  @is('mysql://user:password@host:3306/name, its special characters percent-encoded', (value) =>
    isServer(value, /^mysql:\/\//, /^\/[^/]+$/),
  )
  readonly DATABASE_URL?: string;

  /** Empty: embedded. Several nodes: a Redis Cluster. */
  @IsOptional()
  @list
  @is(
    'redis://user:password@host:6379/2, its special characters percent-encoded',
    (value) => isServer(value, /^rediss?:\/\//, /^\/?\d*$/),
    true,
  )
  readonly REDIS_URL?: string[];

  /** Signs login tokens. At least 32 characters; the old shop's SECRET_KEY keeps its services working. */
  @MinLength(32) readonly JWT_SECRET: string;

  /** Seconds a login token lives; at most as long as it is remembered that one has ended. */
  @number @IsInt() @Min(60) @Max(31 * 86_400) readonly JWT_TTL: number = 86_400;

  @Matches(/^\d{1,20}$/) readonly QQ_APP_ID: string;
  @MinLength(1) readonly QQ_APP_KEY: string;

  /** Registered at QQ; at most 500 bytes, byte-identical on `/authorize` and `/token`. */
  @IsUrl(webUrl) @MaxLength(500) readonly QQ_REDIRECT_URI: string;

  @IsUrl(webUrl) readonly QQ_BASE_URL: string = 'https://graph.qq.com';

  /** Milliseconds for one call to QQ, connecting included. */
  @number @IsInt() @Min(1) @Max(60_000) readonly QQ_TIMEOUT_MS: number = 3000;

  /** Asks QQ for the unionid too, which takes a second call and QQ's permission. */
  @yesNo('true', 'false') @IsBoolean() readonly QQ_UNIONID: boolean = false;

  /** Seconds between the QQ login and the bind; also how long the browser cookie lives. */
  @number @IsInt() @Min(1) @Max(86_400) readonly BIND_TOKEN_TTL: number = 3600;

  /** log2 of the rounds. */
  @number @IsInt() @Min(4) @Max(15) readonly BCRYPT_COST: number = 12;

  /** The picture's text in `X-Image-Code` too: for programs and tests, refused in production. */
  @yesNo('on', 'off') @IsBoolean() readonly IMAGE_CODE_HEADER: boolean = false;

  @IsIn(['http', 'log']) readonly SMS_GATEWAY: 'http' | 'log';
  @ValidateIf(sendsByHttp) @IsUrl(webUrl) readonly SMS_HTTP_URL: string;
  @ValidateIf(sendsByHttp) @MinLength(1) readonly SMS_HTTP_KEY: string;

  /** Messages a day for the whole service. */
  @number @IsInt() @Min(0) @Max(1_000_000_000) readonly SMS_DAILY_BUDGET: number = 10_000;

  /** Changes to the rules of `limits.ts`, comma-separated: `rule=points/seconds`. */
  @list @Matches(/^[a-z-]+=\d{1,9}\/[1-9]\d{0,8}$/, { each: true }) readonly LIMITS: string[] = [];

  /** Days that the audit trail is kept. */
  @number @IsInt() @Min(1) @Max(36_500) readonly AUDIT_DAYS: number = 180;

  @yesNo('on', 'off') @IsBoolean() readonly DOCS: boolean = true;
  @yesNo('on', 'off') @IsBoolean() readonly PAGES: boolean = true;

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }

  /** Whether browsers reach the service over https. */
  get secure(): boolean {
    return new URL(this.PUBLIC_URL).protocol === 'https:';
  }

  /** What production may do, and its operator should know. */
  get warnings(): string[] {
    if (!this.production) return [];
    const open = (['PUBLIC_URL', 'QQ_REDIRECT_URI', 'QQ_BASE_URL', 'SMS_HTTP_URL'] as const).filter(
      (name) => this[name] && new URL(this[name]).protocol === 'http:',
    );
    return open.map((name) => `${name}: is not https, so what travels there can be read and changed`);
  }

  /**
   * A 256-bit key for one purpose alone, derived from `JWT_SECRET` (HKDF-SHA-256, RFC 5869): what is signed for
   * one purpose can never pass for another, nor for a login token.
   */
  keyFor(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.JWT_SECRET, '', `qq-account-service ${purpose}`, 32));
  }
}

/**
 * Reads the environment, checks every rule and fills in the defaults.
 * @throws Error that names each variable that is missing or wrong, never its value
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const config = plainToInstance(Config, { ...defaults(given), ...given }, { exposeDefaultValues: true });
  const missing = missingInProduction(config, given);
  const unfit = validateSync(config, { validationError: { target: false, value: false } });
  const faults = [
    ...missing.map((name) => `${name}: is required in production`),
    ...unfit
      .filter(({ property }) => !missing.includes(property))
      .map(({ property, constraints }) => `${property}: ${sentence(property, constraints)}`),
    ...weaknesses(config),
  ];
  if (faults.length > 0) throw new Error(`Configuration refused:\n  ${faults.join('\n  ')}`);
  return Object.freeze(config);
}

/** What the embedded mode and the sandbox take when nothing is said; production has to say it. */
function defaults(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // One that is wrong is named as such, and nothing that follows from it.
  const port = Number(given.PORT) <= 65_535 ? given.PORT : '3000';
  const publicUrl = given.PUBLIC_URL ?? `http://localhost:${port}`;
  const origin = URL.canParse(publicUrl) ? new URL(publicUrl).origin : 'http://localhost:3000';
  const everywhere = { PUBLIC_URL: publicUrl, WEB_ORIGINS: origin };
  if (given.NODE_ENV === 'production') return { ...everywhere, HOST: '0.0.0.0' };
  return {
    ...everywhere,
    HOST: '127.0.0.1',
    JWT_SECRET: given.JWT_SECRET ?? keptSecret(),
    QQ_APP_ID: SANDBOX_APP_ID,
    QQ_APP_KEY: SANDBOX_APP_KEY,
    QQ_REDIRECT_URI: `${origin}/oauth_callback.html`,
    SMS_GATEWAY: 'http',
    SMS_HTTP_URL: `http://localhost:${given.SANDBOX_PORT ?? '3001'}/phone/messages`,
    SMS_HTTP_KEY: SANDBOX_APP_KEY,
  };
}

/** Production takes no embedded default. */
function missingInProduction({ production }: Config, given: NodeJS.ProcessEnv): string[] {
  if (!production) return [];
  const required = [
    'DATABASE_URL',
    'REDIS_URL',
    'JWT_SECRET',
    'QQ_APP_ID',
    'QQ_APP_KEY',
    'QQ_REDIRECT_URI',
    'SMS_GATEWAY',
  ];
  if (given.SMS_GATEWAY === 'http') required.push('SMS_HTTP_URL', 'SMS_HTTP_KEY');
  return required.filter((name) => !given[name]);
}

/** Production takes nothing that gives it away. */
function weaknesses(config: Config): string[] {
  if (!config.production) return [];
  const faults: string[] = [];
  if (config.JWT_SECRET?.length >= 32 && new Set(config.JWT_SECRET).size < 10)
    faults.push('JWT_SECRET: is too easily guessed');
  if (config.BCRYPT_COST < 10) faults.push('BCRYPT_COST: at least 10 in production');
  if (config.IMAGE_CODE_HEADER)
    faults.push('IMAGE_CODE_HEADER: not in production, it gives the picture away');
  if (config.SMS_GATEWAY === 'log') faults.push('SMS_GATEWAY: log is for development, it writes codes down');
  return faults;
}

function sentence(property: string, constraints: Record<string, string> = {}): string {
  const first = Object.values(constraints)[0] ?? 'is not valid';
  return first
    .replace(new RegExp(`^(each value in )?${property} `), '')
    .replace(/ \/.* regular expression$/, ' its form');
}

/** One secret per working directory, made once, so that logins survive a restart of the embedded mode. */
function keptSecret(): string {
  const file = join(DATA_DIRECTORY, 'jwt-secret');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  mkdirSync(DATA_DIRECTORY, { recursive: true });
  const secret = randomBytes(32).toString('base64url');
  writeFileSync(file, secret, { mode: 0o600 });
  return secret;
}
