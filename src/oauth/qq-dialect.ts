/** An answer of QQ, parsed from any of its three formats. */
export type QqAnswer = Readonly<Record<string, unknown>>;

/**
 * Parses JSON, JSONP (`callback( {…} );`) or the urlencoded default of `/token`; undefined for anything else: HTML, or
 * a truncated answer.
 */
export function parseAnswer(text: string): QqAnswer | undefined {
  const trimmed = text.trim();
  const json = /^callback\(\s*(\{.*\})\s*\);?$/s.exec(trimmed)?.[1] ?? trimmed;
  if (json.startsWith('{')) return parseObject(json);
  if (!/^[\w.~%+-]+=[^<>\s]*$/.test(trimmed)) return undefined;
  return Object.fromEntries(new URLSearchParams(trimmed));
}

function parseObject(json: string): QqAnswer | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as QqAnswer) : undefined;
  } catch {
    // JSON.parse throws only SyntaxError: the answer was truncated.
    return undefined;
  }
}

/** The three paths of QQ that we call. */
export type QqPath = '/oauth2.0/token' | '/oauth2.0/me' | '/user/get_user_info';

/**
 * Whether the user's code is invalid, so that another login helps. Every other error is about our app. On other paths
 * the same numbers mean something else: `/me` refuses a token fresh from `/token` if our app lacks a permission.
 */
export function refusesCode(error: number, path: QqPath): boolean {
  return path === '/oauth2.0/token' && [100018, 100019, 100020, 100067, 100068].includes(error);
}

/** The meaning of QQ's error numbers, from its documentation, for the log. */
const MEANINGS: Readonly<Record<number, string>> = {
  100001: 'client_id is missing',
  100002: 'client_secret is missing',
  100003: 'Authorization header is missing',
  100004: 'grant_type is missing or wrong',
  100005: 'code is missing',
  100006: 'refresh token is missing',
  100007: 'access token is missing',
  100008: 'QQ_APP_ID is unknown',
  100009: 'QQ_APP_KEY is wrong',
  100010: 'QQ_REDIRECT_URI is not registered',
  100011: 'the app is offline',
  100012: 'the HTTP method is wrong',
  100013: 'access token is illegal',
  100014: 'access token has expired',
  100015: 'access token was revoked',
  100016: 'access token was not accepted',
  100018: 'code to access token error',
  100019: 'code to access token error',
  100020: 'code was used before',
  100030: 'the user has not granted this API',
  100031: 'the app has no permission for this API',
  100048: 'companyid is not set: ask QQ for the unionid permission',
};

/** The errors of `/me` for a fresh token when QQ has not granted our app the unionid. */
const NO_UNIONID = [100013, 100014, 100015, 100016, 100048];

/** The meaning of an error number, for the log. */
export function meaningOf(error: number, path: QqPath): string {
  if (path === '/oauth2.0/me' && NO_UNIONID.includes(error))
    return `${MEANINGS[error]}; so QQ says too when QQ_UNIONID is on and the app lacks the unionid permission`;
  return MEANINGS[error] ?? 'not documented';
}

/** A QQ user's public profile. */
export interface QqProfile {
  /** At most 64 characters, without control characters. */
  readonly nickname?: string;
  /** An https URL on QQ's own picture hosts. */
  readonly avatar?: string;
}

/** Characters. */
const LONGEST_NICKNAME = 64;
const LONGEST_URL = 500;

/**
 * The displayable parts of an answer of `get_user_info`.
 * @param ownOrigin the origin of QQ or its stand-in, whose pictures are also accepted
 */
export function profileIn(answer: QqAnswer, ownOrigin: string): QqProfile {
  const nickname = typeof answer.nickname === 'string' ? readable(answer.nickname) : '';
  const avatar = [answer.figureurl_qq_2, answer.figureurl_qq_1]
    .map((url) => pictureUrl(url, ownOrigin))
    .find((url) => url !== undefined);
  return { ...(nickname && { nickname }), ...(avatar && { avatar }) };
}

function readable(text: string): string {
  // Direction marks are format characters too. They would reverse the text around the name.
  const clean = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return Array.from(clean).slice(0, LONGEST_NICKNAME).join('');
}

/** QQ sends http URLs. The same pictures are available over https. */
function pictureUrl(given: unknown, ownOrigin: string): string | undefined {
  if (typeof given !== 'string' || given.length > LONGEST_URL || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  if (url.origin === ownOrigin) return url.href;
  if (!/^https?:$/.test(url.protocol) || url.port !== '' || url.username !== '') return undefined;
  if (!url.hostname.endsWith('.qlogo.cn')) return undefined;
  url.protocol = 'https:';
  return url.href;
}
