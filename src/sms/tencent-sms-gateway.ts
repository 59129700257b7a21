import { createRequire } from 'node:module';
import { Config } from '../config/config.js';
import { UpstreamAnswer, UpstreamCall } from '../upstream/upstream.js';
import { GatewayOptions } from './sms-gateway.js';
import {
  asObject,
  asText,
  leavesOpen,
  Meaning,
  objectIn,
  Reading,
  secondsOfToday,
  templateValue,
  VendorSmsGateway,
} from './vendor-sms-gateway.js';

type SmsSdk = typeof import('tencentcloud-sdk-nodejs-sms', { with: { 'resolution-mode': 'require' } });
type CommonSign = typeof import('tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js', {
  with: { 'resolution-mode': 'require' },
});

/** Limits of one number, each with the seconds until it allows another message. */
const LIMITED: Readonly<Record<string, () => number>> = {
  'LimitExceeded.PhoneNumberThirtySecondLimit': () => 30,
  'LimitExceeded.DeliveryFrequencyLimit': () => 60,
  'LimitExceeded.PhoneNumberOneHourLimit': () => 3600,
  'LimitExceeded.PhoneNumberDailyLimit': () => secondsOfToday(),
  'LimitExceeded.PhoneNumberSameContentDailyLimit': () => secondsOfToday(),
};
const NUMBER_REFUSED = [
  'FailedOperation.PhoneNumberInBlacklist',
  'FailedOperation.PhoneNumberParseFail',
  'InvalidParameterValue.IncorrectPhoneNumber',
];
/** `InternalError`s that say that the request was refused; the others (time-outs) do not say what became of it. */
const CERTAIN = [
  'InternalError.JsonParseFail',
  'InternalError.RequestTimeException',
  'InternalError.RestApiInterfaceNotExist',
  'InternalError.SigFieldMissing',
  'InternalError.SigVerificationFail',
];

/** Tencent Cloud SMS (腾讯云短信): `SendSms` of 2021-01-11, signed with TC3-HMAC-SHA256. */
export class TencentSmsGateway extends VendorSmsGateway {
  /** Loads the SDK (about 11 MB of memory), which no other gateway needs. */
  constructor(
    private readonly config: Config,
    options: GatewayOptions = {},
    private readonly sdk = loadSdk(),
  ) {
    super('tencent', config.SMS_TENCENT_ENDPOINT, config, options);
  }

  protected async sign(mobile: string, code: string): Promise<UpstreamCall> {
    const { config } = this;
    const client = new this.sdk.SigningClient({
      credential: { secretId: config.SMS_TENCENT_SECRET_ID, secretKey: config.SMS_TENCENT_SECRET_KEY },
      region: config.SMS_TENCENT_REGION,
      profile: { httpProfile: { endpoint: new URL(config.SMS_TENCENT_ENDPOINT).hostname } },
    });
    await client.SendSms({
      PhoneNumberSet: [`+86${mobile}`],
      SmsSdkAppId: config.SMS_TENCENT_SDK_APP_ID,
      SignName: config.SMS_TENCENT_SIGN_NAME,
      TemplateId: config.SMS_TENCENT_TEMPLATE_ID,
      TemplateParamSet: config.SMS_TENCENT_TEMPLATE_PARAMS.split(',').map((param) =>
        templateValue(param.trim(), code),
      ),
    });
    return client.signed!;
  }

  /** @see https://cloud.tencent.com/document/api/382/59177 for the codes */
  protected read({ status, text }: UpstreamAnswer): Reading {
    const { Error: error, SendStatusSet: statuses } = asObject(objectIn(text).Response);
    const ofMessage = Array.isArray(statuses) ? asObject(statuses[0]).Code : undefined;
    const code = asText(asObject(error).Code) ?? asText(ofMessage);
    return { code, meaning: meaningOf(status, code) };
  }
}

function meaningOf(status: number, code: string | undefined): Meaning {
  if (code === undefined) return { outcome: leavesOpen(status) ? 'unknown' : 'shop refused' };
  if (status === 200 && code === 'Ok') return { outcome: 'sent' };
  const limit = Object.hasOwn(LIMITED, code) ? LIMITED[code] : undefined;
  if (limit) return { outcome: 'limited', retryAfter: limit() };
  if (NUMBER_REFUSED.includes(code)) return { outcome: 'number refused' };
  if (/^InternalError(\.|$)/.test(code) && !CERTAIN.includes(code)) return { outcome: 'unknown' };
  return { outcome: 'shop refused' };
}

/** The SDK's client with its HTTP client replaced: a call signs the request and keeps it. */
function loadSdk() {
  // CommonJS: what `import()` makes of its default export differs between Node and bundlers.
  const require = createRequire(import.meta.url);
  const { sms } = require('tencentcloud-sdk-nodejs-sms') as SmsSdk;
  const { default: Sign } =
    require('tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js') as CommonSign;

  class SigningClient extends sms.v20210111.Client {
    signed?: UpstreamCall;

    /** As the SDK's own: https://cloud.tencent.com/document/api/382/52072 */
    override async request(action: string, params: unknown): Promise<void> {
      const body = JSON.stringify(params);
      const timestamp = Math.floor(Date.now() / 1000);
      const { secretId, secretKey } = await this.getCredential();
      const contentType = 'application/json';
      const authorization = Sign.sign3({
        method: 'POST',
        url: `https://${this.endpoint}${this.path}`,
        payload: Buffer.from(body),
        timestamp,
        service: 'sms',
        secretId: secretId!,
        secretKey: secretKey!,
        multipart: false,
        boundary: '',
        headers: { 'Content-Type': contentType },
      });
      const headers = {
        authorization,
        'content-type': contentType,
        host: this.endpoint,
        'x-tc-action': action,
        'x-tc-region': this.region,
        'x-tc-timestamp': String(timestamp),
        'x-tc-version': this.apiVersion,
      };
      this.signed = { method: 'POST', path: this.path, headers, body };
    }
  }
  return { SigningClient };
}
