import { availableParallelism } from 'node:os';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { WAITING_MS } from '../common/request-clock.js';
import { OperatorError } from '../common/operator-error.js';
import { Config } from './config.js';
import { misspelt } from './misspelt.js';

const SANDBOX_APP_ID = '101000001';
const SANDBOX_APP_KEY = 'sandbox-app-key';
/** Not read by `Config`: docker-compose.yml and the sandbox read them. */
const OTHER_NAMES = ['MYSQL_PASSWORD', 'REDIS_PASSWORD', 'SANDBOX_PORT'];

/** The required settings of each gateway of `SMS_GATEWAY`. */
const OF_GATEWAY: Readonly<Record<string, string[]>> = {
  http: ['SMS_HTTP_URL', 'SMS_HTTP_KEY'],
  aliyun: [
    'SMS_ALIYUN_ACCESS_KEY_ID',
    'SMS_ALIYUN_ACCESS_KEY_SECRET',
    'SMS_ALIYUN_SIGN_NAME',
    'SMS_ALIYUN_TEMPLATE_CODE',
  ],
  tencent: [
    'SMS_TENCENT_SECRET_ID',
    'SMS_TENCENT_SECRET_KEY',
    'SMS_TENCENT_SDK_APP_ID',
    'SMS_TENCENT_SIGN_NAME',
    'SMS_TENCENT_TEMPLATE_ID',
  ],
};

/** The names of all settings: the properties that have a rule. */
const NAMES: readonly string[] = [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(Config, '', false, false)
      .map(({ propertyName }) => propertyName),
  ),
];

/**
 * Reads the environment, checks every rule and fills in defaults. Touches no file.
 * @throws OperatorError that names each missing or wrong variable, never its value
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = ownSettings(env);
  const config = plainToInstance(
    Config,
    { ...defaults(given, env), ...given },
    { exposeDefaultValues: true },
  );
  const missing = missingSettings(config, given);
  const invalid = validateSync(config, { validationError: { target: false, value: false } });
  const faults = [
    ...Object.entries(missing).map(([name, when]) => `${name}: is required ${when}`),
    ...invalid
      .filter(({ property }) => !(property in missing))
      .map(({ property, constraints }) => `${property}: ${sentence(property, constraints)}`),
    ...contradictions(config, given),
    ...(config.production ? weaknesses(config) : []),
  ];
  if (faults.length > 0) throw new OperatorError(`Configuration refused:\n  ${faults.join('\n  ')}`);
  const warnings = [...misspelt(env, [...NAMES, ...OTHER_NAMES]), ...warningsOf(config)];
  return Object.freeze(Object.assign(config, { warnings }));
}

/** The settings in the environment. An empty one counts as missing. */
function ownSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = Object.fromEntries(NAMES.filter((name) => env[name]).map((name) => [name, env[name]]));
  // Other programs read these in lower case too, with priority.
  return {
    ...given,
    ...(env.http_proxy && { HTTP_PROXY: env.http_proxy }),
    ...(env.https_proxy && { HTTPS_PROXY: env.https_proxy }),
    ...(env.no_proxy && { NO_PROXY: env.no_proxy }),
  };
}

/** Defaults that depend on other settings or on the machine. The sandbox's addresses are for development only. */
function defaults(given: NodeJS.ProcessEnv, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // A wrong PORT or PUBLIC_URL is reported once, under its own name, and not for the settings that derive from it.
  const port = Number(given.PORT) <= 65_535 ? given.PORT : '3000';
  const publicUrl = given.PUBLIC_URL ?? `http://localhost:${port}`;
  const base = URL.canParse(publicUrl) ? new URL(publicUrl) : new URL('http://localhost:3000');
  const everywhere = {
    PUBLIC_URL: publicUrl,
    WEB_ORIGINS: base.origin,
    HASH_LANES: String(availableParallelism()),
  };
  if (given.NODE_ENV === 'production')
    return { ...everywhere, HOST: '0.0.0.0', HUMAN_CHECK: 'altcha', SHUTDOWN_DRAIN_S: '5' };
  return {
    ...everywhere,
    HOST: '127.0.0.1',
    HUMAN_CHECK: 'altcha,picture',
    QQ_APP_ID: SANDBOX_APP_ID,
    QQ_APP_KEY: SANDBOX_APP_KEY,
    QQ_REDIRECT_URI: `${base.origin}${base.pathname.replace(/\/+$/, '')}/oauth_callback.html`,
    SMS_GATEWAY: 'http',
    SMS_HTTP_URL: `http://localhost:${env.SANDBOX_PORT || '3001'}/phone/messages`,
    SMS_HTTP_KEY: SANDBOX_APP_KEY,
  };
}

/** The required settings that are missing, each with the condition that requires it. */
function missingSettings(config: Config, given: NodeJS.ProcessEnv): Record<string, string> {
  const required: [names: string[], when: string][] = [[['JWT_SECRET'], 'always']];
  if (config.production) {
    const names = ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'PUBLIC_URL', 'QQ_APP_ID', 'QQ_APP_KEY'];
    names.push('QQ_REDIRECT_URI', 'SMS_GATEWAY');
    required.push([names, 'in production']);
  }
  for (const [gateway, names] of Object.entries(OF_GATEWAY)) {
    // Outside production, the sandbox's phone is the gateway that `http` calls.
    const hasDefaults = gateway === 'http' && !config.production;
    if (gatewaysIn(given).includes(gateway) && !hasDefaults)
      required.push([names, `with SMS_GATEWAY=${gateway}`]);
  }
  const terms = ['TERMS_VERSION', 'TERMS_URL', 'PRIVACY_URL'];
  if (terms.some((name) => given[name])) required.push([terms, `together with ${terms.join(', ')}`]);
  return Object.fromEntries(
    required.flatMap(([names, when]) => names.filter((name) => !given[name]).map((name) => [name, when])),
  );
}

const gatewaysIn = ({ SMS_GATEWAY = '' }: NodeJS.ProcessEnv): string[] =>
  SMS_GATEWAY.split(',').map((name) => name.trim());

/** Settings that contradict each other. */
function contradictions(config: Config, given: NodeJS.ProcessEnv): string[] {
  const faults: string[] = [];
  if (config.WEB_CONCURRENCY > 1 && !(given.DATABASE_URL && given.REDIS_URL))
    faults.push('WEB_CONCURRENCY: more than 1 needs DATABASE_URL and REDIS_URL, not the embedded ones');
  if (config.METRICS_PORT && config.METRICS_PORT === config.PORT)
    faults.push('METRICS_PORT: must differ from PORT');
  return faults;
}

/** Values that are well-formed but that production refuses. */
function weaknesses(config: Config): string[] {
  const faults: string[] = [];
  for (const name of ['JWT_SECRET', 'JWT_SECRET_PREVIOUS', 'INTROSPECTION_KEY'] as const)
    if ((config[name]?.length ?? 0) >= 32 && new Set(config[name]).size < 10)
      faults.push(`${name}: is too easily guessed`);
  if (config.BCRYPT_COST < 10) faults.push('BCRYPT_COST: at least 10 in production');
  if (config.IMAGE_CODE_HEADER)
    faults.push('IMAGE_CODE_HEADER: not in production, it gives the picture away');
  if (config.SMS_GATEWAY?.includes('log'))
    faults.push('SMS_GATEWAY: log is for development, it writes codes down');
  return faults;
}

/** Values that are allowed but that the operator should know about. */
function warningsOf(config: Config): string[] {
  const legacy = config.LEGACY_CLIENT
    ? [
        "LEGACY_CLIENT: serves the old shop's pages, which bring back no state: " +
          "a stranger's QQ can be planted in a visitor's browser. Switch it off when those pages are gone",
      ]
    : [];
  const late =
    config.QQ_TIMEOUT_MS > WAITING_MS
      ? [`QQ_TIMEOUT_MS: more than ${WAITING_MS} has no effect, because a request is answered within 5 s`]
      : [];
  if (!config.production) return [...legacy, ...late];
  const urls = ['PUBLIC_URL', 'QQ_REDIRECT_URI', 'QQ_BASE_URL'] as const;
  const ofGateways = ['SMS_HTTP_URL', 'SMS_ALIYUN_ENDPOINT', 'SMS_TENCENT_ENDPOINT'] as const;
  const open = [...urls, ...ofGateways].filter(
    (name) => config[name] && new URL(config[name]).protocol === 'http:',
  );
  return [
    ...legacy,
    ...late,
    ...open.map((name) => `${name}: is not https, so what travels there can be read and changed`),
  ];
}

function sentence(property: string, constraints: Record<string, string> = {}): string {
  const first = Object.values(constraints)[0] ?? 'is not valid';
  return first
    .replace(new RegExp(`^(each value in )?${property} `), '')
    .replace(/ \/.* regular expression$/, ' its form');
}
