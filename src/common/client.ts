import { createParamDecorator, ExecutionContext, Logger } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { addressIn, blockOf } from './address.js';
import type { RequestClock } from './request-clock.js';
import { Throttle } from './throttle.js';

/** Who sent a request, as far as HTTP shows. */
export interface Client {
  /** The caller's address, or its proxy's when `TRUST_PROXY` does not list that proxy. */
  readonly ip: string;
  /** What limits count by: the IPv4 address, or the /64 that one IPv6 customer gets. */
  readonly network: string;
  /** The surrounding /24 (IPv4) or /48 (IPv6), which often has one owner. For shares of a common resource. */
  readonly subnet: string;
  readonly userAgent: string;
  readonly requestId: string;
  /** Missing when there is no request to answer. */
  readonly clock?: RequestClock | undefined;
  /** Whether the connection has closed, so that the answer cannot be read. */
  isGone(): boolean;
}

/** The address of a request whose connection has already closed. */
const UNSPECIFIED = '0.0.0.0';
const logger = new Logger('Client');
const throttle = new Throttle(60_000);

/** The {@link Client} of a request. */
export const clientOf = (request: FastifyRequest): Client => new RequestClient(request);

/**
 * A class, not an object literal: V8 makes a hidden class of its own for each literal that has a getter, and keeps it,
 * with the request that the getter refers to, until the next full garbage collection.
 */
class RequestClient implements Client {
  readonly ip: string;
  readonly network: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly clock: RequestClock | undefined;

  constructor(private readonly request: FastifyRequest) {
    this.ip = addressOf(request);
    this.network = blockOf(this.ip, { ipv4: 32, ipv6: 64 });
    this.userAgent = request.headers['user-agent'] ?? '';
    this.requestId = request.id;
    this.clock = request.clock;
  }

  /** Computed when asked for: few requests need it. */
  get subnet(): string {
    return blockOf(this.ip, { ipv4: 24, ipv6: 48 });
  }

  isGone(): boolean {
    return this.request.socket.destroyed;
  }
}

/** Parameter decorator: the {@link Client} of this request. */
export const FromClient = createParamDecorator((_: unknown, context: ExecutionContext) =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/**
 * The furthest address that a trusted proxy vouches for. If the entry is not an address, the proxy that wrote it counts
 * as the client.
 */
function addressOf(request: FastifyRequest): string {
  // Nearest first, up to and including the first that is not a trusted proxy's.
  const entries = request.ips ?? [request.ip];
  const last = addressIn(entries.at(-1));
  if (last) return last;
  if (entries.length > 1 && throttle.allows('entry'))
    logger.warn('X-Forwarded-For names no address', {
      requestId: request.id,
      entry: entries.at(-1)?.slice(0, 64),
    });
  return addressIn(entries.at(-2)) ?? UNSPECIFIED;
}
