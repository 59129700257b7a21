import { Injectable } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { clientOf } from '../common/client.js';
import { Problem } from '../common/problem.js';
import { Via } from './audit-event.js';
import { AuditWriter } from './audit-writer.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by `@AuditRefusals`. */
    auditRefusals?: Via;
  }
}

const refusals = new Counter({
  name: 'qq_account_refusals_total',
  help: 'Refused requests by how the person proves who they are, and errorCode',
  labelNames: ['via', 'reason'],
});

/** Decorates a route: its refusals are recorded in the audit trail of the account they concern. */
export const AuditRefusals = (via: Via): MethodDecorator => RouteConfig({ auditRefusals: via });

/**
 * Counts refusals and records those that concern an account: a wrong password, a disabled account. Forged tokens and
 * limits are not recorded, because anyone can cause them without limit.
 */
@Injectable()
export class Refusals {
  constructor(private readonly writer: AuditWriter) {}

  /** Called by the problem filter for every error answer. */
  observe(problem: Problem, request: FastifyRequest): void {
    const via = request.routeOptions?.config.auditRefusals;
    if (via === undefined || problem.getStatus() >= 500) return;
    refusals.inc({ via, reason: problem.code });
    if (problem.code === 'REQUEST_INVALID' || problem.code === 'TOO_MANY_REQUESTS') return;
    const userId = problem.userId ?? request.login?.userId;
    if (userId === undefined) return;
    this.writer.recordLater({
      event: 'refused',
      via,
      reason: problem.code,
      userId,
      client: clientOf(request),
    });
  }
}
