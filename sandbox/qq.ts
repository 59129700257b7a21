import type { FastifyInstance } from 'fastify';
import { parameter, QQ_CONTENT_TYPE, QqError, refusal, written, type QqParameters } from './answers.js';
import type { Faults } from './faults.js';
import { hex32, TOKEN_LIFETIME_S, type Grants } from './grants.js';
import { nicknameOf, openidOf, picturePath, unionidOf } from './people.js';
import type { Registry } from './registry.js';

/** The app of another shop's token, as an attacker would send it. */
const FOREIGN_APP_ID = '101999999';

interface Call {
  Querystring: QqParameters;
  /** The form of a POST. */
  Body: QqParameters | undefined;
}

/** The requests that servers send to QQ: `/oauth2.0/token`, `/oauth2.0/me` and `/user/get_user_info`. */
export function qqRoutes(server: FastifyInstance, registry: Registry, grants: Grants, faults: Faults): void {
  server.setErrorHandler<Error, Call>((error, request, reply) => {
    if (!(error instanceof QqError)) throw error;
    // QQ answers failures with status 200.
    return reply
      .code(200)
      .type(QQ_CONTENT_TYPE)
      .send(refusal(parametersOf(request), error));
  });

  server.route<Call>({
    method: ['GET', 'POST'],
    url: '/oauth2.0/token',
    ...faults.on('token'),
    handler: (request, reply) => {
      const asked = parametersOf(request);
      const grant = exchange(asked, registry, grants);
      const answer = {
        access_token: grants.issueToken(grant),
        expires_in: String(TOKEN_LIFETIME_S),
        refresh_token: hex32(),
        ...(parameter(asked, 'need_openid') === '1' && !faults.strikes('no_openid', 'token')
          ? { openid: openidOf(grant.app.id, grant.qq) }
          : {}),
      };
      const body =
        parameter(asked, 'fmt') === 'json' ? JSON.stringify(answer) : new URLSearchParams(answer).toString();
      return reply.type(QQ_CONTENT_TYPE).send(body);
    },
  });

  server.get<Call>('/oauth2.0/me', faults.on('me'), (request, reply) => {
    const { app, qq } = grants.readToken(parameter(request.query, 'access_token'));
    const wantsUnionid = parameter(request.query, 'unionid') === '1';
    if (wantsUnionid && !app.unionid) throw new QqError(100048);
    const answer = {
      client_id: faults.strikes('foreign_client', 'me') ? FOREIGN_APP_ID : app.id,
      ...(faults.strikes('no_openid', 'me') ? {} : { openid: openidOf(app.id, qq) }),
      ...(wantsUnionid && !faults.strikes('no_unionid', 'me')
        ? { unionid: unionidOf(app.developer, qq) }
        : {}),
    };
    return reply.type(QQ_CONTENT_TYPE).send(written(request.query, answer));
  });

  server.get<Call>('/user/get_user_info', faults.on('user_info'), (request, reply) => {
    const origin = `${request.protocol}://${request.host}`;
    return reply.type(QQ_CONTENT_TYPE).send(JSON.stringify(userInfo(request.query, grants, origin)));
  });
}

function parametersOf({
  query,
  body,
}: {
  query: QqParameters;
  body: QqParameters | undefined;
}): QqParameters {
  return { ...query, ...body };
}

/** Checks in QQ's order, then spends the code. */
function exchange(asked: QqParameters, registry: Registry, grants: Grants) {
  if (parameter(asked, 'grant_type') !== 'authorization_code') throw new QqError(100004);
  const clientId = parameter(asked, 'client_id');
  if (clientId === undefined) throw new QqError(100001);
  const secret = parameter(asked, 'client_secret');
  if (secret === undefined) throw new QqError(100002);
  const code = parameter(asked, 'code');
  if (code === undefined) throw new QqError(100005);
  const app = registry.find(clientId);
  if (!app) throw new QqError(100008);
  if (app.key !== secret) throw new QqError(100009);
  const redirectUri = parameter(asked, 'redirect_uri');
  if (redirectUri === undefined || !registry.allows(redirectUri)) throw new QqError(100010);
  return grants.redeemCode(code, app.id, redirectUri);
}

function userInfo(query: QqParameters, grants: Grants, origin: string): object {
  try {
    const { app, qq } = grants.readToken(parameter(query, 'access_token'));
    const known = parameter(query, 'oauth_consumer_key') === app.id;
    if (!known || parameter(query, 'openid') !== openidOf(app.id, qq)) throw new QqError(100016);
    const picture = origin + picturePath(qq);
    return { ret: 0, msg: '', nickname: nicknameOf(qq), figureurl_qq_1: picture, figureurl_qq_2: picture };
  } catch (error) {
    if (!(error instanceof QqError)) throw error;
    return { ret: 1002, msg: '请先登录' };
  }
}
