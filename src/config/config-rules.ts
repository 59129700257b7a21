import { isIP } from 'node:net';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';

/** A whole number; anything else stays as it is, for a rule to refuse. */
export const number = Transform(({ value }) => (/^-?\d+$/.test(String(value)) ? Number(value) : value));

/** Comma-separated. */
export const list = Transform(({ value }) =>
  typeof value === 'string'
    ? value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean)
    : value,
);

/** Two words as true and false. */
export const yesNo = (yes: string, no: string) =>
  Transform(({ value }) => (value === yes ? true : value === no ? false : value));

/** For `IsUrl`: hosts of a local network too. */
export const webUrl = { require_tld: false, require_protocol: true, protocols: ['http', 'https'] };

/** Validates a setting, or each of a list, by what it has to be. */
export const is = (what: string, check: (value: string) => boolean, each = false): PropertyDecorator =>
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

/** As browsers write it: without a path, a default port or capitals. */
export const isOrigin = (value: string): boolean =>
  /^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value && !value.includes('*');

/** An address, or a CIDR; not `/0`, which is everybody. */
export function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** A server's URL whose every part can be read, with such a path. */
export function isServer(value: string, protocol: RegExp, path: RegExp): boolean {
  if (!protocol.test(value) || !URL.canParse(value)) return false;
  const { username, password, hostname, pathname, hash } = new URL(value);
  const wellFormed = [username, password, pathname].every((part) => /^(?:[^%]|%[0-9a-f]{2})*$/i.test(part));
  return wellFormed && hostname !== '' && hash === '' && path.test(pathname);
}
