import { parse } from 'node:querystring';
import { TextDecoder } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest, RawServerDefault } from 'fastify';
import { Problem } from '../common/problem.js';

/** Bytes of a body. */
export const BODY_LIMIT = 16_384;
const FORM = 'application/x-www-form-urlencoded';
/** Levels of a JSON body. Ours have one; what stands in a field beside them is dropped, but is walked through first. */
const DEEPEST = 8;

/** Reads JSON and forms, in UTF-8 and as they are: guessing would read two different passwords as one. */
export function readBodies(app: NestFastifyApplication): void {
  const { getDefaultJsonParser } = app.getHttpAdapter().getInstance();
  // Fastify reads plain text as a string; no route of ours takes one.
  app.getHttpAdapter().getInstance().removeContentTypeParser('text/plain');
  const parseJson = getDefaultJsonParser('error', 'error');
  app.useBodyParser<RawServerDefault>(
    'application/json',
    { bodyLimit: BODY_LIMIT },
    (request, body, done) => {
      // A client that says JSON whatever it sends, as with a DELETE.
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

/** @throws Problem UNSUPPORTED_MEDIA_TYPE when it is packed or says that it is no UTF-8, REQUEST_INVALID when it is none */
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
    // TypeError or URIError, and nothing else: the bytes are no UTF-8.
    throw new Problem('REQUEST_INVALID', { cause });
  }
}

/** Every body of ours is an object: no route has to say what it does with a number or a list. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
