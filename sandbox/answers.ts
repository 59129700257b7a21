/**
 * QQ's error numbers and their descriptions.
 * @see https://wiki.connect.qq.com/ (公共返回码说明)
 */
const DESCRIPTIONS = {
  100001: 'param client_id is wrong or lost',
  100002: 'param client_secret is wrong or lost',
  100004: 'param grant_type is wrong or lost',
  100005: 'param code is wrong or lost',
  100007: 'param access token is wrong or lost',
  100008: 'client_id is illegal',
  100009: 'client secret is illegal',
  100010: 'redirect uri is illegal',
  100013: 'access token is illegal',
  100014: 'access token is expired',
  100016: 'access token check failed',
  100019: 'code to access token error',
  100020: 'code is reused error',
  100048: 'companyid is not set',
} as const;

/** A refusal with QQ's error number. */
export class QqError extends Error {
  constructor(readonly number: keyof typeof DESCRIPTIONS) {
    super(DESCRIPTIONS[number]);
  }
}

/** The parameters as received. A repeated parameter is an array. */
export type QqParameters = Readonly<Record<string, string | string[] | undefined>>;

/** A parameter's value. An empty or repeated one counts as missing. */
export function parameter(parameters: QqParameters, name: string): string | undefined {
  const value = parameters[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** QQ sends this type with every answer of `/oauth2.0/…`, also with JSON. */
export const QQ_CONTENT_TYPE = 'text/html; charset=utf-8';

/** The body in QQ's format: plain JSON with `fmt=json`, otherwise JSONP and a newline. */
export function written(parameters: QqParameters, body: object): string {
  const json = JSON.stringify(body);
  return parameter(parameters, 'fmt') === 'json' ? json : `callback( ${json} );\n`;
}

/** A refusal in QQ's format. Its status is 200. */
export function refusal(parameters: QqParameters, error: QqError): string {
  return written(parameters, { error: error.number, error_description: error.message });
}
