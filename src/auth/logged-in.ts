import { applyDecorators, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { AnswersProblems } from '../common/problem.js';
import { AuthGuard } from './auth.guard.js';

/** Decorates a route or a controller that needs a valid login token. Every other route is public. */
export const LoggedIn = (): MethodDecorator & ClassDecorator =>
  applyDecorators(UseGuards(AuthGuard), ApiBearerAuth(), AnswersProblems('LOGIN_REQUIRED'));
