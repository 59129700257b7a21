import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AnswersProblems } from '../common/problem.js';
import { DatabaseReadiness } from '../database/database-readiness.js';
import { RedisReadiness } from '../redis/redis-readiness.js';

/** For the orchestrator: whether to restart the service, and whether to send it requests. */
@ApiTags('健康')
@Controller('health')
export class HealthController {
  constructor(
    private readonly database: DatabaseReadiness,
    private readonly redis: RedisReadiness,
  ) {}

  @Get('live')
  @ApiOperation({ summary: '进程活着' })
  @ApiOkResponse({ schema: { example: { status: 'ok' } } })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** @throws Problem UNAVAILABLE, by way of what the database or Redis throws */
  @Get('ready')
  @ApiOperation({ summary: '数据库和Redis都在' })
  @ApiOkResponse({ schema: { example: { status: 'ok' } } })
  @AnswersProblems()
  async ready(): Promise<{ status: 'ok' }> {
    await Promise.all([this.database.check(), this.redis.check()]);
    return { status: 'ok' };
  }
}
