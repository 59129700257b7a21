import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { inEnglish } from '../common/sentences.js';

const CHINESE = /^(?:zh|cmn|yue)(?:-|$)/i;
const ENGLISH = /^en(?:-|$)/i;

/** Translates `message` and the sentences of `errors` to English if `Accept-Language` prefers it to Chinese. */
export function answerInLanguage(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preSerialization', (request: FastifyRequest, reply: FastifyReply, payload: unknown, done) => {
      if (!hasMessage(payload) || !prefersEnglish(request.headers['accept-language']))
        return done(null, payload);
      void reply.header('Content-Language', 'en');
      const { errors } = payload;
      done(null, {
        ...payload,
        message: inEnglish(payload.message),
        ...(errors && {
          errors: Object.fromEntries(
            Object.entries(errors).map(([field, texts]) => [field, texts.map(inEnglish)]),
          ),
        }),
      });
    });
}

/**
 * Whether English has a higher weight than Chinese (RFC 9110 §12.5.4); with equal weights, the first one wins. Chinese
 * if neither is named.
 */
export function prefersEnglish(accepted: string | undefined): boolean {
  if (!accepted) return false;
  const ranges = accepted.split(',').map((range, place) => {
    const [tag = '', ...parameters] = range.trim().split(/\s*;\s*/);
    const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
    return { tag, place, weight: weight === undefined ? 1 : Number(weight) || 0 };
  });
  const best = ranges
    .filter(({ tag, weight }) => weight > 0 && (CHINESE.test(tag) || ENGLISH.test(tag)))
    .toSorted((a, b) => b.weight - a.weight || a.place - b.place)[0];
  return best !== undefined && ENGLISH.test(best.tag);
}

interface WithMessage {
  readonly message: string;
  readonly errors?: Readonly<Record<string, readonly string[]>>;
}

function hasMessage(payload: unknown): payload is WithMessage {
  return (
    typeof payload === 'object' && payload !== null && typeof (payload as WithMessage).message === 'string'
  );
}
