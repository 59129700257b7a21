import { AliyunSmsGateway } from './aliyun-sms-gateway.js';
import { Config } from '../config/config.js';
import { FallbackSmsGateway } from './fallback-sms-gateway.js';
import { HttpSmsGateway } from './http-sms-gateway.js';
import { LogSmsGateway } from './log-sms-gateway.js';
import { GATEWAY_TIMEOUT_MS, GatewayOptions, SmsGateway } from './sms-gateway.js';
import { TencentSmsGateway } from './tencent-sms-gateway.js';

type Opener = (config: Config, options: GatewayOptions) => SmsGateway;

/** Creates each gateway. A vendor's class loads its SDK when it is created, so an unused SDK is not loaded. */
const OPENERS: Readonly<Record<Config['SMS_GATEWAY'][number], Opener>> = {
  http: (config, options) => new HttpSmsGateway(config, options),
  log: () => new LogSmsGateway(),
  aliyun: (config, options) => new AliyunSmsGateway(config, options),
  tencent: (config, options) => new TencentSmsGateway(config, options),
};

/** Creates the gateway of `SMS_GATEWAY`: one, or several in order of fallback. */
export function openGateway(config: Config): SmsGateway {
  const names = config.SMS_GATEWAY;
  // Each gateway gets a share of the time for connecting, so that the last one has time left.
  const options = { connectTimeoutMs: GATEWAY_TIMEOUT_MS / names.length };
  const gateways = new Map<string, SmsGateway>();
  for (const name of names) gateways.set(name, OPENERS[name](config, options));
  return gateways.size === 1 ? [...gateways.values()][0]! : new FallbackSmsGateway(gateways);
}
