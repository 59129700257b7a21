import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request to a vendor. */
export interface VendorRequest {
  readonly method: string;
  readonly path: string;
  /** Without its `?`. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A message that a vendor has accepted, because its signature was right. */
export interface VendorMessage {
  readonly mobile: string;
  readonly sign: string;
  readonly template: string;
  /** The template's parameters: by name (Aliyun) or by position (Tencent Cloud). */
  readonly params: unknown;
  readonly request: VendorRequest;
}

/** How the vendor treats the next requests. `silent` and `hangs up` happen after it has read the request. */
export type VendorMood =
  | 'sends'
  | 'silent'
  | 'hangs up'
  | { readonly code: string; readonly message?: string; readonly status?: number }
  | { readonly status: number; readonly text: string };

/** The vendor refuses the request. */
class Refused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
  ) {
    super(code);
  }
}

const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex');
const hmac = (key: string | Buffer, value: string): Buffer =>
  createHmac('sha256', key).update(value).digest();
const byName = (names: string[]): string[] => names.toSorted((a, b) => (a < b ? -1 : 1));
const linesOf = (names: string[], headers: VendorRequest['headers']): string =>
  names.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join('');

/** Percent-encodes by RFC 3986, as both vendors require. */
const encoded = (value: string): string =>
  encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.codePointAt(0)!.toString(16).toUpperCase()}`,
  );

/** ACS3-HMAC-SHA256, as https://help.aliyun.com/document_detail/2593177.html publishes it. */
export function acs3Signature(request: VendorRequest, signedHeaders: string[], secret: string): string {
  const names = byName(signedHeaders);
  const pairs = [...new URLSearchParams(request.query)].map(([name, value]) => [
    encoded(name),
    encoded(value),
  ]);
  const query = byName(pairs.map(([name, value]) => `${name}=${value}`)).join('&');
  const canonical = [
    request.method,
    request.path,
    query,
    linesOf(names, request.headers),
    names.join(';'),
    sha256(request.body),
  ].join('\n');
  return hmac(secret, `ACS3-HMAC-SHA256\n${sha256(canonical)}`).toString('hex');
}

/** TC3-HMAC-SHA256, as https://cloud.tencent.com/document/api/382/52072 publishes it. */
export function tc3Signature(
  request: VendorRequest,
  signedHeaders: string[],
  secret: string,
  { service, date, timestamp }: { service: string; date: string; timestamp: string },
): string {
  const canonical = [
    request.method,
    request.path,
    request.query,
    linesOf(signedHeaders, request.headers),
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
  const scope = `${date}/${service}/tc3_request`;
  const toSign = ['TC3-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(`TC3${secret}`, date), service), 'tc3_request');
  return hmac(key, toSign).toString('hex');
}

/** A vendor's API on a free port. It accepts a message only if its signature is right. */
abstract class VendorStandIn {
  mood: VendorMood = 'sends';
  /** Every request with a right signature, in order. */
  readonly messages: VendorMessage[] = [];
  /** The codes of refused requests. */
  readonly refused: string[] = [];
  private server?: Server;

  get url(): string {
    return `http://127.0.0.1:${(this.server!.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    this.server = createServer((request, response) => void this.respond(request, response)).listen(
      0,
      '127.0.0.1',
    );
    await once(this.server, 'listening');
    return this;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  protected abstract verified(request: VendorRequest): VendorMessage;
  protected abstract answer(code: string, message: string): string;
  protected abstract refusal(code: string): string;
  protected abstract readonly ok: string;

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.take(request);
    if (answer === 'hangs up') request.socket.destroy();
    if (typeof answer === 'string') return;
    response.writeHead(answer.status, { 'content-type': 'application/json;charset=utf-8' });
    response.end(answer.text);
  }

  private async take(incoming: IncomingMessage) {
    const [path = '', query = ''] = (incoming.url ?? '').split(/\?(.*)/s);
    const headers = incoming.headers as Record<string, string>;
    const body = await text(incoming);
    const { mood } = this;
    try {
      this.messages.push(this.verified({ method: incoming.method ?? '', path, query, headers, body }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refused.push(error.code);
      return { status: error.status, text: this.refusal(error.code) };
    }
    if (mood === 'silent' || mood === 'hangs up') return mood;
    if (mood === 'sends') return { status: 200, text: this.answer(this.ok, 'OK') };
    if ('text' in mood) return mood;
    return { status: mood.status ?? 200, text: this.answer(mood.code, mood.message ?? 'no') };
  }
}

const ALIYUN_KEY = { id: 'LTAI-only-for-tests', secret: 'aliyun-secret-only-for-tests-0123' };

/** Aliyun's `SendSms`. */
export class AliyunStandIn extends VendorStandIn {
  protected readonly ok = 'OK';
  private readonly nonces = new Set<string>();

  /** The service's settings for this vendor. */
  get env(): Record<string, string> {
    return {
      SMS_ALIYUN_ENDPOINT: this.url,
      SMS_ALIYUN_ACCESS_KEY_ID: ALIYUN_KEY.id,
      SMS_ALIYUN_ACCESS_KEY_SECRET: ALIYUN_KEY.secret,
      SMS_ALIYUN_SIGN_NAME: '美多商城 (测试)*',
      SMS_ALIYUN_TEMPLATE_CODE: 'SMS_154950909',
      SMS_ALIYUN_TEMPLATE_PARAMS: 'code={code},time={minutes}',
    };
  }

  protected verified(request: VendorRequest): VendorMessage {
    const { headers } = request;
    const [, algorithm, key, signed = '', signature] =
      /^(\S+) Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]+)$/.exec(
        headers.authorization ?? '',
      ) ?? [];
    if (algorithm !== 'ACS3-HMAC-SHA256') throw new Refused('InvalidAuthorization', 400);
    if (key !== ALIYUN_KEY.id) throw new Refused('InvalidAccessKeyId.NotFound', 404);
    const names = signed.split(';');
    const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-acs-'));
    if (!mustBeSigned.every((name) => names.includes(name))) throw new Refused('MissingSignedHeaders', 400);
    if (headers['x-acs-content-sha256'] !== sha256(request.body))
      throw new Refused('ContentHashMismatch', 400);
    if (signature !== acs3Signature(request, names, ALIYUN_KEY.secret))
      throw new Refused('SignatureDoesNotMatch', 400);
    if (Math.abs(Date.now() - Date.parse(headers['x-acs-date'] ?? '')) > 15 * 60_000)
      throw new Refused('InvalidTimeStamp.Expired', 400);
    const nonce = headers['x-acs-signature-nonce'] ?? '';
    if (nonce === '' || this.nonces.has(nonce)) throw new Refused('SignatureNonceUsed', 400);
    this.nonces.add(nonce);
    if (headers['x-acs-action'] !== 'SendSms' || headers['x-acs-version'] !== '2017-05-25')
      throw new Refused('InvalidAction.NotFound', 404);
    const query = new URLSearchParams(request.query);
    return {
      mobile: query.get('PhoneNumbers') ?? '',
      sign: query.get('SignName') ?? '',
      template: query.get('TemplateCode') ?? '',
      params: JSON.parse(query.get('TemplateParam') ?? 'null'),
      request,
    };
  }

  protected answer(code: string, message: string): string {
    const sent = code === 'OK' && { BizId: '900619746936498440^0' };
    return JSON.stringify({ Code: code, Message: message, RequestId: 'F655A8D5-B967-440B-8683', ...sent });
  }

  protected refusal(code: string): string {
    return this.answer(code, `refused: ${code}`);
  }
}

const TENCENT_KEY = { id: 'AKID-only-for-tests', secret: 'tencent-secret-only-for-tests-0123' };

/** Tencent Cloud's `SendSms`. */
export class TencentStandIn extends VendorStandIn {
  protected readonly ok = 'Ok';

  get env(): Record<string, string> {
    return {
      SMS_TENCENT_ENDPOINT: this.url,
      SMS_TENCENT_SECRET_ID: TENCENT_KEY.id,
      SMS_TENCENT_SECRET_KEY: TENCENT_KEY.secret,
      SMS_TENCENT_SDK_APP_ID: '1400006666',
      SMS_TENCENT_SIGN_NAME: '美多商城',
      SMS_TENCENT_TEMPLATE_ID: '1110',
      SMS_TENCENT_TEMPLATE_PARAMS: '{code},{minutes}',
    };
  }

  protected verified(request: VendorRequest): VendorMessage {
    const { headers } = request;
    const [, key, date = '', service = '', signed = '', signature] =
      /^TC3-HMAC-SHA256 Credential=([^/]+)\/([\d-]+)\/(\w+)\/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]+)$/.exec(
        headers.authorization ?? '',
      ) ?? [];
    if (key === undefined) throw new Refused('AuthFailure.InvalidAuthorization', 200);
    if (key !== TENCENT_KEY.id) throw new Refused('AuthFailure.SecretIdNotFound', 200);
    const names = signed.split(';');
    const timestamp = headers['x-tc-timestamp'] ?? '';
    if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)
      throw new Refused('AuthFailure.SignatureExpire', 200);
    const scope = { service, date, timestamp };
    if (
      service !== 'sms' ||
      date !== new Date(Number(timestamp) * 1000).toISOString().slice(0, 10) ||
      !['content-type', 'host'].every((name) => names.includes(name)) ||
      signature !== tc3Signature(request, names, TENCENT_KEY.secret, scope)
    )
      throw new Refused('AuthFailure.SignatureFailure', 200);
    if (headers['x-tc-action'] !== 'SendSms' || headers['x-tc-version'] !== '2021-01-11')
      throw new Refused('InvalidAction', 200);
    const body = JSON.parse(request.body) as Record<string, unknown>;
    const [mobile = ''] = body.PhoneNumberSet as string[];
    if (body.SmsSdkAppId !== this.env.SMS_TENCENT_SDK_APP_ID || !headers['x-tc-region'])
      throw new Refused('MissingParameter', 200);
    return {
      mobile: mobile.replace(/^\+86/, ''),
      sign: String(body.SignName),
      template: String(body.TemplateId),
      params: body.TemplateParamSet,
      request,
    };
  }

  protected answer(code: string, message: string): string {
    const status = { SerialNo: '5000:1045710669157053657849499619', Fee: 1, Code: code, Message: message };
    return JSON.stringify({ Response: { SendStatusSet: [status], RequestId: 'a0aabda6-cf91-4f3e' } });
  }

  protected refusal(code: string): string {
    return JSON.stringify({ Response: { Error: { Code: code, Message: 'refused' }, RequestId: 'ed93f3cb' } });
  }
}
