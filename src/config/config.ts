import { hkdfSync } from 'node:crypto';
import {
  ArrayNotEmpty,
  ArrayUnique,
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
} from 'class-validator';
import { ToInteger } from '../common/to-integer.js';
import {
  Is,
  isBaseUrl,
  isNetwork,
  isOrigin,
  isProxy,
  isServer,
  ToBoolean,
  ToList,
  WEB_URL,
} from './config-rules.js';
import { isRedisUrl, REDIS_URL_FORM } from './redis-url.js';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export const HUMAN_CHECKS = ['altcha', 'picture'] as const;

export const SMS_GATEWAYS = ['http', 'aliyun', 'tencent', 'log'] as const;

/** Validates a setting only if its gateway is chosen. */
const ForGateway = (name: (typeof SMS_GATEWAYS)[number]): PropertyDecorator =>
  ValidateIf(({ SMS_GATEWAY }: Partial<Config>) => SMS_GATEWAY?.includes(name) ?? false);

/** A template's parameters. One of them has to be the code. */
const hasCode = (params: string): boolean => params.includes('{code}');

/**
 * Every setting of the service, named like its environment variable. The class is its own injection token. The instance
 * is frozen after boot. A setting needs a validation rule: `load-config.ts` reads only properties that have one.
 */
export class Config {
  @IsIn(['development', 'test', 'production'])
  readonly NODE_ENV: string = 'development';

  @IsString() readonly HOST: string;

  /** 0 takes any free port. */
  @ToInteger() @IsInt() @Min(0) @Max(65535) readonly PORT: number = 3000;

  /**
   * How browsers reach the service. With https the browser cookie is `__Host-` and Secure. A path is a prefix that a
   * proxy in front of the service strips.
   */
  @Is('an http or https URL without a query', isBaseUrl) readonly PUBLIC_URL: string;

  /** Origins whose pages may call the service; compared exactly. */
  @ToList()
  @Is('origins such as https://www.example', isOrigin, true)
  readonly WEB_ORIGINS: string[];

  /** Addresses or CIDRs of proxies whose `X-Forwarded-For` is trusted; empty: none. */
  @ToList() @Is('addresses or CIDRs', isNetwork, true) readonly TRUST_PROXY: string[] = [];

  /** Empty: the embedded SQLite file. */
  @IsOptional()
  @Is('mysql://user:password@host:3306/name, its special characters percent-encoded', (value) =>
    isServer(value, /^mysql:\/\//, /^\/[^/]+$/),
  )
  readonly DATABASE_URL?: string;

  /** Empty: the embedded Redis. */
  @IsOptional()
  @Is(REDIS_URL_FORM, isRedisUrl)
  readonly REDIS_URL?: string;

  /** Signs login tokens. At least 32 characters. With the old shop's SECRET_KEY, its services accept our tokens. */
  @MinLength(32) readonly JWT_SECRET: string;

  /** The previous `JWT_SECRET`: its signatures are still accepted. */
  @IsOptional() @MinLength(32) readonly JWT_SECRET_PREVIOUS?: string;

  /** Seconds that a login token lives; at most as long as revocations are remembered. */
  @ToInteger()
  @IsInt()
  @Min(60)
  @Max(31 * 86_400)
  readonly JWT_TTL: number = 86_400;

  @Matches(/^\d{1,20}$/) readonly QQ_APP_ID: string;
  @MinLength(1) readonly QQ_APP_KEY: string;

  /** Registered at QQ; at most 500 bytes, and byte-identical on `/authorize` and `/token`. */
  @IsUrl(WEB_URL) @MaxLength(500) readonly QQ_REDIRECT_URI: string;

  @IsUrl(WEB_URL) readonly QQ_BASE_URL: string = 'https://graph.qq.com';

  /** Milliseconds for one call to QQ, including connecting; effective up to the time limit of a whole request. */
  @ToInteger() @IsInt() @Min(1) @Max(60_000) readonly QQ_TIMEOUT_MS: number = 3000;

  /** Asks QQ for the unionid too. It takes a second call, and QQ's permission. */
  @ToBoolean('true', 'false') @IsBoolean() readonly QQ_UNIONID: boolean = false;

  /** Asks QQ for the nickname and picture of an unbound QQ: one more call. A bound QQ costs none. */
  @ToBoolean('true', 'false') @IsBoolean() readonly QQ_PROFILE: boolean = false;

  /** Seconds between the QQ login and the bind. */
  @ToInteger() @IsInt() @Min(1) @Max(86_400) readonly BIND_TOKEN_TTL: number = 3600;

  /** log2 of the number of rounds. */
  @ToInteger() @IsInt() @Min(4) @Max(15) readonly BCRYPT_COST: number = 12;

  /** Password hashes that run at once. The workers of `WEB_CONCURRENCY` share this number. */
  @ToInteger() @IsInt() @Min(1) @Max(256) readonly HASH_LANES: number;

  /** Worker processes on this machine. */
  @ToInteger() @IsInt() @Min(1) @Max(64) readonly WEB_CONCURRENCY: number = 1;

  /** libuv's threads, which compute the hashes. Node reads it too, and takes anything but a number as 1. */
  @ToInteger() @IsInt() @Min(1) @Max(1024) readonly UV_THREADPOOL_SIZE: number = 4;

  /** Checks that a person, not a program, asks for an SMS. Passing one of them is enough. */
  @ToList()
  @ArrayNotEmpty()
  @IsIn(HUMAN_CHECKS, { each: true })
  readonly HUMAN_CHECK: (typeof HUMAN_CHECKS)[number][];

  /** The largest counter a client may have to try for one proof of work; on average it tries half as many. */
  @ToInteger() @IsInt() @Min(1) @Max(10_000_000) readonly HUMAN_CHECK_DIFFICULTY: number = 2500;

  /** Also sends the picture's text in `X-Image-Code`, for programs and tests. Production refuses it. */
  @ToBoolean('on', 'off') @IsBoolean() readonly IMAGE_CODE_HEADER: boolean = false;

  /** The gateways that send SMS, in order of fallback. */
  @ToList()
  @ArrayNotEmpty()
  @ArrayUnique()
  @IsIn(SMS_GATEWAYS, { each: true })
  readonly SMS_GATEWAY: (typeof SMS_GATEWAYS)[number][];

  @ForGateway('http') @IsUrl(WEB_URL) readonly SMS_HTTP_URL: string;
  @ForGateway('http') @MinLength(1) readonly SMS_HTTP_KEY: string;

  /** `field=value` in the gateway's JSON answer that means "sent"; empty: any 2xx does. */
  @IsOptional() @Matches(/^[\w.-]+=.+$/) readonly SMS_HTTP_SUCCESS?: string;

  /** An AccessKey that may call `dysms:SendSms`. */
  @ForGateway('aliyun') @Matches(/^[\x21-\x7e]+$/) readonly SMS_ALIYUN_ACCESS_KEY_ID: string;
  @ForGateway('aliyun') @Matches(/^[\x21-\x7e]+$/) readonly SMS_ALIYUN_ACCESS_KEY_SECRET: string;
  @ForGateway('aliyun') @MinLength(1) readonly SMS_ALIYUN_SIGN_NAME: string;
  @ForGateway('aliyun') @Matches(/^SMS_\d+$/) readonly SMS_ALIYUN_TEMPLATE_CODE: string;

  /** The template's variables, comma-separated: `name=value`, `{code}` and `{minutes}` in the value are replaced. */
  @ForGateway('aliyun')
  @Matches(/^\w+=[^,=]+(,\w+=[^,=]+)*$/)
  @Is('a list such as code={code},time={minutes} with {code} in it', hasCode)
  readonly SMS_ALIYUN_TEMPLATE_PARAMS: string = 'code={code}';

  /** Determines the endpoint, unless that is set. */
  @ForGateway('aliyun') @Matches(/^[a-z]+(-[a-z\d]+)+$/) readonly SMS_ALIYUN_REGION: string = 'cn-hangzhou';
  @IsOptional() @IsUrl(WEB_URL) readonly SMS_ALIYUN_ENDPOINT?: string;

  /** A CAM key that may call `sms:SendSms`. */
  @ForGateway('tencent') @Matches(/^[\x21-\x7e]+$/) readonly SMS_TENCENT_SECRET_ID: string;
  @ForGateway('tencent') @Matches(/^[\x21-\x7e]+$/) readonly SMS_TENCENT_SECRET_KEY: string;
  @ForGateway('tencent') @Matches(/^\d+$/) readonly SMS_TENCENT_SDK_APP_ID: string;
  @ForGateway('tencent') @MinLength(1) readonly SMS_TENCENT_SIGN_NAME: string;
  @ForGateway('tencent') @Matches(/^\d+$/) readonly SMS_TENCENT_TEMPLATE_ID: string;

  /** The values of the template's `{1}`, `{2}`…, comma-separated: `{code}` and `{minutes}` in them are replaced. */
  @ForGateway('tencent')
  @Is('a list such as {code},{minutes} with {code} in it', hasCode)
  readonly SMS_TENCENT_TEMPLATE_PARAMS: string = '{code}';

  @ForGateway('tencent') @Matches(/^[a-z]+(-[a-z\d]+)+$/) readonly SMS_TENCENT_REGION: string =
    'ap-guangzhou';
  @ForGateway('tencent')
  @IsUrl(WEB_URL)
  readonly SMS_TENCENT_ENDPOINT: string = 'https://sms.tencentcloudapi.com';

  /** SMS per day for the whole service. */
  @ToInteger() @IsInt() @Min(0) @Max(1_000_000_000) readonly SMS_DAILY_BUDGET: number = 10_000;

  /** Proxies for calls to `https:` and `http:` URLs (QQ, SMS gateways). */
  @IsOptional() @Is('http://user:password@host:port', isProxy) readonly HTTPS_PROXY?: string;
  @IsOptional() @Is('http://user:password@host:port', isProxy) readonly HTTP_PROXY?: string;
  /** Hosts called without a proxy: domains, addresses, CIDRs, each with or without a port; `*` means all. */
  @IsOptional() @IsString() readonly NO_PROXY?: string;

  /** The version of the terms that a new account must accept; empty: none. Set together with both URLs. */
  @IsOptional() @Matches(/^[\w.-]{1,32}$/) readonly TERMS_VERSION?: string;
  @IsOptional() @IsUrl(WEB_URL) readonly TERMS_URL?: string;
  @IsOptional() @IsUrl(WEB_URL) readonly PRIVACY_URL?: string;

  /** The shop's name on the pages, at most 40 characters. */
  @IsString() @MaxLength(40) readonly BRAND_NAME: string = '商城账号';
  /** A path of this site or an https URL; its origin is added to the pages' `img-src`. */
  @IsOptional() @Matches(/^(?:\/(?![/\\])|https:\/\/)[^\s"'<>;,]+$/) readonly BRAND_LOGO_URL?: string;
  /** ICP备案号. */
  @IsOptional() @IsString() @MaxLength(60) readonly ICP_NUMBER?: string;
  @IsOptional() @Matches(/^(?:https?:\/\/|mailto:|tel:)[^\s"'<>]+$/) readonly SUPPORT_URL?: string;

  /** The bearer key of `POST /authorizations/introspection/`; empty: the route is off. */
  @IsOptional() @Matches(/^[\x21-\x7e]{32,256}$/) readonly INTROSPECTION_KEY?: string;

  /** Serves the paths of the old shop's pages, with less protection than ours (docs/migrating.md). */
  @ToBoolean('true', 'false') @IsBoolean() readonly LEGACY_CLIENT: boolean = false;

  /** Changes to the rules of `limits.ts`, comma-separated: `rule=points/seconds`. */
  @ToList()
  @Matches(/^[a-z-]+=\d{1,9}\/[1-9]\d{0,8}$/, { each: true })
  readonly LIMITS: string[] = [];

  /** Days that the audit trail keeps an event. */
  @ToInteger() @IsInt() @Min(1) @Max(36_500) readonly AUDIT_DAYS: number = 180;

  /** The port of Prometheus' `/metrics`; empty: off. */
  @IsOptional() @ToInteger() @IsInt() @Min(0) @Max(65535) readonly METRICS_PORT?: number;

  @IsIn(LOG_LEVELS) readonly LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  /** Seconds after SIGTERM in which the service is not ready but still accepts connections. */
  @ToInteger() @IsInt() @Min(0) @Max(300) readonly SHUTDOWN_DRAIN_S: number = 0;
  /** Seconds after the drain in which running requests may finish. */
  @ToInteger() @IsInt() @Min(1) @Max(300) readonly SHUTDOWN_GRACE_S: number = 8;

  @ToBoolean('on', 'off') @IsBoolean() readonly DOCS: boolean = true;
  @ToBoolean('on', 'off') @IsBoolean() readonly PAGES: boolean = true;

  /** Sentences for the operator; logged at boot. */
  readonly warnings: readonly string[] = [];

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }

  /** Whether browsers reach the service over https. */
  get secure(): boolean {
    return new URL(this.PUBLIC_URL).protocol === 'https:';
  }

  /** The path of `PUBLIC_URL` that a proxy strips, without a final slash: `''` or `/account`. */
  get prefix(): string {
    return new URL(this.PUBLIC_URL).pathname.replace(/\/+$/, '');
  }

  /**
   * A 256-bit key for one purpose, derived from `JWT_SECRET` (HKDF-SHA-256, RFC 5869). A signature for one purpose is
   * never valid for another, nor for a login token.
   */
  keyFor(purpose: string): Buffer {
    return derive(this.JWT_SECRET, purpose);
  }

  /** The keys that verify signatures for a purpose: {@link keyFor}'s first, then the previous secret's. */
  keysFor(purpose: string): Buffer[] {
    const secrets = [this.JWT_SECRET, ...(this.JWT_SECRET_PREVIOUS ? [this.JWT_SECRET_PREVIOUS] : [])];
    return secrets.map((secret) => derive(secret, purpose));
  }
}

function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `qq-account-service ${purpose}`, 32));
}
