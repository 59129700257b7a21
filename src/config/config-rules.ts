import { isIP } from 'node:net';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

/** Splits at commas. Spaces around items and empty items are dropped. */
export const ToList = (): PropertyDecorator =>
  Transform(({ value }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter(Boolean)
      : value,
  );

/** Reads one word as true and one as false. Other values are left for `IsBoolean` to refuse. */
export const ToBoolean = (yes: string, no: string): PropertyDecorator =>
  Transform(({ value }) => (value === yes ? true : value === no ? false : value));

/** For `IsUrl`: http or https; hosts of a local network are allowed. */
export const WEB_URL = { require_tld: false, require_protocol: true, protocols: ['http', 'https'] };

/** Validates a setting, or each item of a list, by a predicate; `what` completes the sentence "must be …". */
export const Is = (what: string, check: (value: string) => boolean, each = false): PropertyDecorator =>
  ValidateBy(
    {
      name: what,
      validator: {
        validate: (value) => typeof value === 'string' && check(value),
        defaultMessage: () => `must be ${what}`,
      },
    },
    { each },
  );

/** An origin as browsers write it: without a path, a default port or upper-case letters. */
export const isOrigin = (value: string): boolean =>
  /^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value && !value.includes('*');

/** An http(s) URL to which paths can be appended: without credentials, query or fragment. */
export function isBaseUrl(value: string): boolean {
  if (!/^https?:\/\/[^/]/i.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return username + password + search + hash === '' && !/[?#]/.test(value);
}

/** An address or a CIDR. `/0` is refused: it would trust every address. */
export function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** A server's URL with well-formed percent-encoding and a matching path. */
export function isServer(value: string, protocol: RegExp, path: RegExp): boolean {
  if (!protocol.test(value) || !URL.canParse(value)) return false;
  const { username, password, hostname, pathname, hash } = new URL(value);
  const wellFormed = [username, password, pathname].every((part) => /^(?:[^%]|%[0-9a-f]{2})*$/i.test(part));
  return wellFormed && hostname !== '' && hash === '' && path.test(pathname);
}

/** curl reads `proxy.example:3128` as http. */
export const withScheme = (proxy: string): string =>
  /^[a-z][a-z\d+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;

/** An http or https proxy, as other programs accept it: with or without scheme, user and port. */
export function isProxy(value: string): boolean {
  return isServer(withScheme(value), /^https?:\/\//i, /^\/?$/);
}
