import type { FastifyInstance } from 'fastify';
import { Config } from '../config/config.js';
import { DOCS_POLICY } from './swagger.js';

const DOCS = /^\/docs(?:[/?]|$)/;

/** Adds the security headers, the request id and `Cache-Control` to every answer. */
export function sendHeaders(fastify: FastifyInstance, config: Config): void {
  const everywhere = securityHeaders(config);
  const docs = { ...everywhere, 'content-security-policy': DOCS_POLICY };
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(DOCS.test(request.url) ? docs : everywhere);
    reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    done(null, payload);
  });
}

/** The headers for every answer, computed once. */
function securityHeaders(config: Config): Record<string, string> {
  return {
    'content-security-policy': pagesPolicy(config),
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    // Browsers apply these only over https, and log a warning otherwise.
    ...(config.secure && {
      'cross-origin-opener-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  };
}

function pagesPolicy(config: Config): string {
  const images = ["'self'"];
  if (config.BRAND_LOGO_URL?.startsWith('https:')) images.push(new URL(config.BRAND_LOGO_URL).origin);
  // The hosts from which the QQ client accepts pictures. A stand-in for QQ serves them itself.
  if (config.QQ_PROFILE) images.push('https://*.qlogo.cn', new URL(config.QQ_BASE_URL).origin);
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${images.join(' ')}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join(';');
}
