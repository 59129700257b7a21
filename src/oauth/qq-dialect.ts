/** An answer of QQ's, from whichever of its three notations. */
export type QqAnswer = Readonly<Record<string, unknown>>;

/**
 * Reads JSON, JSONP (`callback( {…} );`) or the urlencoded default of `/token`; undefined where it is none of
 * them: HTML, or cut off on the way.
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
    // SyntaxError alone can come from here: the answer was cut off.
    return undefined;
  }
}

/** The user's code or token is at fault, so logging in again helps; anything else is about our app. */
export function refusesCode(error: unknown): boolean {
  return [100013, 100014, 100015, 100016, 100018, 100019, 100020, 100067, 100068].includes(Number(error));
}

/** What QQ's documentation says to its numbers; for whoever reads the log. */
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

export function meaningOf(error: unknown): string {
  return MEANINGS[Number(error)] ?? 'not documented';
}
