import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * `203.0.113.8:51234`, `[2001:db8::5]:443`: an address followed by a port, or by an obfuscated port (RFC 7239 §6.3).
 */
const WITH_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<dotted>.*\.\d+))(?::(?:\d{1,5}|_[\w.-]+))?$/;

/**
 * The address in an entry of `X-Forwarded-For`, in one spelling: without quotes, port, brackets and zone. An
 * IPv4-mapped address becomes IPv4. IPv6 is written as in RFC 5952.
 * @returns undefined when the entry is not an address: `unknown`, an obfuscated name (RFC 7239 §6.3), free text
 */
export function addressIn(entry: string | undefined): string | undefined {
  // Most entries are plain IPv4 already, and Node accepts only one spelling of it.
  if (entry !== undefined && isIPv4(entry)) return entry;
  const text = entry?.trim().replace(/^"(.*)"$/, '$1') ?? '';
  const { bracketed, dotted } = WITH_PORT.exec(text)?.groups ?? {};
  const [address = ''] = (bracketed ?? dotted ?? text).split('%');
  return isIP(address) ? ipaddr.process(address).toString() : undefined;
}

/** The network of that many bits around an address of {@link addressIn}: `2001:db8:1:2::/64`, `203.0.113.0/24`. */
export function blockOf(address: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const length = bits[isIPv4(address) ? 'ipv4' : 'ipv6'];
  if (isIPv4(address)) {
    if (length === 32) return address;
    return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toString()}/${length}`;
  }
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toString()}/${length}`;
}

/**
 * Whether an entry of `X-Forwarded-For`, or the address of a connection, belongs to one of these networks. For
 * Fastify's `trustProxy`, which asks about each entry, nearest first, and stops at the first that does not belong.
 * @param networks addresses and CIDRs
 */
export function belongsTo(networks: readonly string[]): (entry: string | undefined) => boolean {
  const ranges = networks.map(rangeOf);
  return (entry) => {
    const address = addressIn(entry);
    if (!address) return false;
    const parsed = ipaddr.parse(address);
    return ranges.some(([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits));
  };
}

function rangeOf(network: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const [address = '', bits] = network.split('/');
  const [given, parsed] = [ipaddr.parse(address), ipaddr.process(address)];
  const allBits = given.kind() === 'ipv4' ? 32 : 128;
  // The bits of an IPv4-mapped range are counted from the start of the IPv6 address.
  const mapped = given.kind() === parsed.kind() ? 0 : 96;
  return [parsed, Math.max(0, Number(bits ?? allBits) - mapped)];
}
