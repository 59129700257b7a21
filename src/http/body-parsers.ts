import { parse } from 'node:querystring';
import { TextDecoder } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest, RawServerDefault } from 'fastify';
import { Problem } from '../common/problem.js';

/** Bytes of a body. */
export const BODY_LIMIT = 16_384;
const FORM = 'application/x-www-form-urlencoded';
/** Nesting levels of a JSON body. Ours have one; validation would walk through every level of a deeper one. */
const DEEPEST = 8;

/** Reads JSON and forms strictly, as UTF-8. A lenient decoder would read two different passwords as one. */
export function readBodies(app: NestFastifyApplication): void {
  const { getDefaultJsonParser } = app.getHttpAdapter().getInstance();
  // Fastify would read plain text as a string, but no route accepts one.
  app.getHttpAdapter().getInstance().removeContentTypeParser('text/plain');
  const parseJson = getDefaultJsonParser('error', 'error');
  app.useBodyParser<RawServerDefault>(
    'application/json',
    { bodyLimit: BODY_LIMIT },
    (request, body, done) => {
      // Some clients send the JSON content type without a body, for example with DELETE.
      if (body.length === 0) return done(null, undefined);
      void parseJson(request, textOf(body, request), (fault, value?: unknown) => {
        const faulty = fault !== null || !isObject(value) || isDeeper(value, DEEPEST);
        done(faulty ? new Problem('REQUEST_INVALID', { cause: fault }) : null, value);
      });
    },
  );
  app.useBodyParser<RawServerDefault>(
    FORM,
    { bodyLimit: BODY_LIMIT },
    async (request: FastifyRequest, body: Buffer) => parseForm(textOf(body, request)),
  );
}

/**
 * @throws Problem UNSUPPORTED_MEDIA_TYPE when it is compressed or declares another charset; REQUEST_INVALID when it is
 *   not UTF-8
 */
function textOf(body: Buffer, { headers }: FastifyRequest): string {
  const charset = /;\s*charset="?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  const coding = headers['content-encoding'] ?? 'identity';
  if (!/^utf-?8$/i.test(charset) || coding !== 'identity') throw new Problem('UNSUPPORTED_MEDIA_TYPE');
  return decoded(() => new TextDecoder('utf-8', { fatal: true }).decode(body));
}

function parseForm(text: string): Record<string, unknown> {
  decoded(() => decodeURIComponent(text));
  const form = parse(text);
  if (Object.hasOwn(form, '__proto__')) throw new Problem('REQUEST_INVALID');
  return form;
}

/** @throws Problem REQUEST_INVALID */
function decoded(decode: () => string): string {
  try {
    return decode();
  } catch (cause) {
    // TextDecoder throws only TypeError and decodeURIComponent only URIError: the bytes are not UTF-8.
    throw new Problem('REQUEST_INVALID', { cause });
  }
}

/** Every body must be an object, so that no route has to handle a number or a list. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
