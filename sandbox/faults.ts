import type { FastifyReply, FastifyRequest } from 'fastify';
import { Hold } from './hold.js';

/** The faults of QQ that can be simulated. */
export const MODES = [
  'none',
  'slow',
  'hang',
  'reset',
  'http500',
  'html',
  'truncated',
  'no_openid',
  'foreign_client',
  'no_unionid',
] as const;

/** The endpoints of QQ that are counted and can fail. */
export const ENDPOINTS = ['authorize', 'token', 'me', 'user_info'] as const;

export type Mode = (typeof MODES)[number];
export type Endpoint = (typeof ENDPOINTS)[number];

/** The present fault. `ms` is the delay of `slow`. */
export interface Fault {
  readonly mode: Mode;
  readonly on: 'all' | Endpoint;
  readonly ms: number;
}

const BUSY_PAGE =
  '<!doctype html><html><head><title>QQ</title></head><body>系统繁忙，请稍后再试</body></html>\n';
const LONGEST_MS = 600_000;
const NO_FAULT: Fault = { mode: 'none', on: 'all', ms: 5000 };

/**
 * The switches of QQ's stand-in. Only the answer fails: QQ has done its work by then, so a code is spent although the
 * client got no answer. A client has to handle that case.
 */
export class Faults {
  #fault: Fault = NO_FAULT;
  readonly #requests = Object.fromEntries(ENDPOINTS.map((endpoint) => [endpoint, 0])) as Record<
    Endpoint,
    number
  >;

  constructor(private readonly hold: Hold) {}

  get fault(): Fault {
    return this.#fault;
  }

  /** A copy of the number of requests to each endpoint since the start. */
  get requests(): Readonly<Record<Endpoint, number>> {
    return { ...this.#requests };
  }

  /** @throws Error (statusCode 400) with a sentence, for an invalid value */
  set(given: unknown): Fault {
    return (this.#fault = readFault(given));
  }

  /** Whether this endpoint's answer has to omit or falsify something. */
  strikes(mode: Mode, endpoint: Endpoint): boolean {
    return this.#fault.mode === mode && (this.#fault.on === 'all' || this.#fault.on === endpoint);
  }

  /** Hooks that count an endpoint's requests and apply its fault. */
  on(endpoint: Endpoint) {
    return {
      onRequest: async () => {
        this.#requests[endpoint] += 1;
      },
      onSend: async (request: FastifyRequest, reply: FastifyReply, answer: unknown) => {
        // Read before waiting, because the switch may change meanwhile.
        const { mode, ms } = this.strikes(this.#fault.mode, endpoint) ? this.#fault : NO_FAULT;
        if (mode === 'slow') await this.hold.wait(ms);
        if (mode === 'hang') await this.hold.wait();
        // A request that hung is never answered, not even when the sandbox closes.
        if (mode === 'hang' || mode === 'reset') request.raw.socket.resetAndDestroy();
        if (mode === 'http500') return page(reply, 500);
        if (mode === 'html') return page(reply, 200);
        if (mode === 'truncated' && typeof answer === 'string') return answer.slice(0, answer.length / 2);
        return answer;
      },
    };
  }
}

function page(reply: FastifyReply, status: number): string {
  reply.code(status).type('text/html; charset=utf-8').removeHeader('location').removeHeader('content-length');
  return BUSY_PAGE;
}

/** Parses a switch. Missing values are `"on": "all", "ms": 5000`. */
function readFault(given: unknown): Fault {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw badRequest('Send an object: {"mode": "slow", "on": "token", "ms": 5000}.');
  const { mode, on = NO_FAULT.on, ms = NO_FAULT.ms } = given as Record<string, unknown>;
  if (!isOneOf(MODES, mode)) throw badRequest(`mode must be one of ${MODES.join(', ')}.`);
  if (on !== 'all' && !isOneOf(ENDPOINTS, on))
    throw badRequest(`on must be one of all, ${ENDPOINTS.join(', ')}.`);
  return { mode, on, ms: readMs(ms) };
}

/** @throws Error (statusCode 400) with a sentence, for an invalid delay */
export function readMs(ms: unknown): number {
  if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 0 || ms > LONGEST_MS)
    throw badRequest(`ms must be a whole number from 0 to ${LONGEST_MS}.`);
  return ms;
}

export function isOneOf<T extends string>(values: readonly T[], value: unknown): value is T {
  return values.some((known) => known === value);
}

/** An error that Fastify answers with 400 and its sentence. */
export function badRequest(sentence: string): Error {
  return Object.assign(new Error(sentence), { statusCode: 400 });
}
