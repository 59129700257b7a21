import { isIP, isIPv6 } from 'node:net';
import { createParamDecorator, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Who is asking, as far as HTTP tells. */
export interface Client {
  /** The address of the caller; of its proxy unless `TRUST_PROXY` believes it. */
  readonly ip: string;
  /** What limits count by: the IPv4 address, or the /64 that one IPv6 customer is given. */
  readonly network: string;
  readonly userAgent: string;
  readonly requestId: string;
}

/** Reads {@link Client} off a request. */
export function clientOf(request: FastifyRequest): Client {
  const said = request.ip.replace(/^::ffff:/i, '');
  // A proxy may pass on what is no address: then its own counts, and what was invented goes nowhere.
  const ip = isIP(said) ? said : (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '');
  return {
    ip,
    network: isIPv6(ip) ? prefix64(ip) : ip,
    userAgent: request.headers['user-agent'] ?? '',
    requestId: request.id,
  };
}

/** Parameter decorator: the {@link Client} of this request. */
export const FromClient = createParamDecorator((_: unknown, context: ExecutionContext) =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

function prefix64(ip: string): string {
  const [head = '', tail] = ip.split('%')[0]!.split('::');
  const groups = head.split(':').filter(Boolean);
  const rest = tail === undefined ? [] : tail.split(':').filter(Boolean);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const all = [...groups, ...Array<string>(zeros).fill('0'), ...rest].map((group) =>
    parseInt(group, 16).toString(16),
  );
  return `${all.slice(0, 4).join(':')}::/64`;
}
