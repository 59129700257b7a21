import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { $OpenApiUtil } from '@alicloud/openapi-core';
import { Config } from '../config/config.js';
import { UpstreamAnswer, UpstreamCall } from '../upstream/upstream.js';
import { GatewayOptions } from './sms-gateway.js';
import {
  asText,
  leavesOpen,
  Meaning,
  objectIn,
  Reading,
  secondsOfToday,
  templateValue,
  VendorSmsGateway,
} from './vendor-sms-gateway.js';

/**
 * Numbers that Aliyun does not send to. The blacklist's code may also stand for a forbidden word in a variable, which
 * six digits cannot have.
 */
const NUMBER_REFUSED = ['isv.MOBILE_NUMBER_ILLEGAL', 'isv.BLACK_KEY_CONTROL_LIMIT', 'isv.CUSTOMER_REFUSED'];
/** Failures inside Aliyun after which the message may have been sent. */
const UNKNOWN = ['isp.SYSTEM_ERROR', 'isp.GATEWAY_ERROR', 'isp.UNKNOWN', 'InternalError'];

type DysmsSdk = typeof import('@alicloud/dysmsapi20170525', { with: { 'resolution-mode': 'require' } });
type OpenApiCore = typeof import('@alicloud/openapi-core', { with: { 'resolution-mode': 'require' } });
type Sdk = ReturnType<typeof loadSdk>;

/** Aliyun SMS (阿里云短信服务): `SendSms` of Dysmsapi 2017-05-25, signed with ACS3-HMAC-SHA256. */
export class AliyunSmsGateway extends VendorSmsGateway {
  /** Loads the SDK (about 11 MB of memory), which no other gateway needs. */
  constructor(
    private readonly config: Config,
    options: GatewayOptions = {},
    private readonly sdk = loadSdk(),
  ) {
    super('aliyun', endpointOf(config, sdk), config, options);
  }

  protected async sign(mobile: string, code: string): Promise<UpstreamCall> {
    const { config } = this;
    const params = config.SMS_ALIYUN_TEMPLATE_PARAMS.split(',').map((param) => {
      const [name = '', value = ''] = param.split('=');
      return [name, templateValue(value, code)];
    });
    const request = new this.sdk.SendSmsRequest({
      phoneNumbers: mobile,
      signName: config.SMS_ALIYUN_SIGN_NAME,
      templateCode: config.SMS_ALIYUN_TEMPLATE_CODE,
      templateParam: JSON.stringify(Object.fromEntries(params)),
    });
    const client = new this.sdk.SigningClient(clientConfig(config));
    await client.sendSms(request);
    return client.signed!;
  }

  /** @see https://help.aliyun.com/document_detail/101346.html for the codes */
  protected read({ status, text }: UpstreamAnswer): Reading {
    const answer = objectIn(text);
    const code = asText(answer.Code);
    return { code, meaning: meaningOf(status, code, asText(answer.Message) ?? '') };
  }
}

function meaningOf(status: number, code: string | undefined, message: string): Meaning {
  if (status === 200 && code === 'OK') return { outcome: 'sent' };
  if (code === 'isv.BUSINESS_LIMIT_CONTROL') return { outcome: 'limited', retryAfter: retryAfter(message) };
  if (code === undefined) return { outcome: leavesOpen(status) ? 'unknown' : 'shop refused' };
  if (NUMBER_REFUSED.includes(code)) return { outcome: 'number refused' };
  if (UNKNOWN.includes(code) || status >= 500)
    return { outcome: leavesOpen(status) ? 'unknown' : 'shop refused' };
  return { outcome: 'shop refused' };
}

/** Aliyun's message, not its code, says which limit a number has reached: 触发分钟级流控Permits:1, 小时级, 天级. */
function retryAfter(message: string): number {
  if (message.includes('天级')) return secondsOfToday();
  return message.includes('小时级') ? 3600 : 60;
}

const clientConfig = (config: Config): ConstructorParameters<Sdk['SigningClient']>[0] =>
  ({
    accessKeyId: config.SMS_ALIYUN_ACCESS_KEY_ID,
    accessKeySecret: config.SMS_ALIYUN_ACCESS_KEY_SECRET,
    regionId: config.SMS_ALIYUN_REGION,
    ...(config.SMS_ALIYUN_ENDPOINT && { endpoint: new URL(config.SMS_ALIYUN_ENDPOINT).host }),
  }) as $OpenApiUtil.Config;

/** The SDK knows the endpoint of each region. */
const endpointOf = (config: Config, sdk: Sdk): string =>
  config.SMS_ALIYUN_ENDPOINT ?? `https://${new sdk.SigningClient(clientConfig(config)).host}`;

/** The SDK's client and request, with its HTTP client replaced: a call signs the request and keeps it. */
function loadSdk() {
  // CommonJS: what `import()` makes of its default export differs between Node and bundlers.
  const require = createRequire(import.meta.url);
  const sdk = require('@alicloud/dysmsapi20170525') as DysmsSdk;
  const { OpenApiUtil } = require('@alicloud/openapi-core') as OpenApiCore;

  class SigningClient extends sdk.default {
    signed?: UpstreamCall;

    get host(): string {
      // oxlint-disable-next-line no-underscore-dangle -- the SDK's name for what it has found for the region
      return this._endpoint;
    }

    /** As the SDK's own: https://help.aliyun.com/document_detail/2593177.html */
    override async callApi(
      { action, version, pathname, method }: $OpenApiUtil.Params,
      { query = {} }: $OpenApiUtil.OpenApiRequest,
    ): Promise<Record<string, never>> {
      const payload = createHash('sha256').update('').digest('hex');
      const headers: Record<string, string> = {
        accept: 'application/json',
        host: this.host,
        'x-acs-action': action,
        'x-acs-version': version,
        'x-acs-date': OpenApiUtil.getTimestamp(),
        'x-acs-signature-nonce': OpenApiUtil.getNonce(),
        'x-acs-content-sha256': payload,
      };
      // oxlint-disable-next-line no-underscore-dangle -- the SDK's name
      const { accessKeyId, accessKeySecret } = await this._credential.getCredential();
      const request = { method, pathname, query, headers };
      headers.authorization = OpenApiUtil.getAuthorization(
        request as unknown as Parameters<typeof OpenApiUtil.getAuthorization>[0],
        'ACS3-HMAC-SHA256',
        payload,
        accessKeyId!,
        accessKeySecret!,
      );
      this.signed = { method: 'POST', path: `${pathname}?${new URLSearchParams(query).toString()}`, headers };
      return {};
    }
  }
  return { SigningClient, SendSmsRequest: sdk.SendSmsRequest };
}
