import { Controller, Get, Head, Logger } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { describeError } from '../common/describe-error.js';
import { AnswersProblems, Problem } from '../common/problem.js';
import { DatabaseReadiness } from '../database/database-readiness.js';
import { describeRedisAway } from '../redis/redis-errors.js';
import { RedisReadiness } from '../redis/redis-readiness.js';
import { Lifecycle } from './lifecycle.js';

export class Health {
  @ApiProperty({ enum: ['ok'] }) readonly status = 'ok';
}

/** For the orchestrator: whether to restart the service, and whether to send it requests. */
@ApiTags('健康')
@Controller('health')
export class HealthController {
  private readonly logger = new Logger('Health');
  /** Why Redis was not ready at the last probe; undefined if it was ready. */
  private redisFault: string | undefined;

  constructor(
    private readonly database: DatabaseReadiness,
    private readonly redis: RedisReadiness,
    private readonly lifecycle: Lifecycle,
  ) {}

  @Get('live')
  @ApiOperation({ summary: '进程在运行' })
  @ApiOkResponse({ type: Health })
  live(): Health {
    return new Health();
  }

  @Head('live')
  @ApiExcludeEndpoint()
  liveHead(): Health {
    return this.live();
  }

  /** @throws Problem UNAVAILABLE while a write would fail, and while the service stops */
  @Get('ready')
  @ApiOperation({ summary: '可以接收请求', description: '数据库和Redis可写，服务也没有在停止。' })
  @ApiOkResponse({ type: Health })
  @AnswersProblems()
  async ready(): Promise<Health> {
    if (this.lifecycle.stopping) throw new Problem('UNAVAILABLE');
    // The database's check logs its own failures.
    const [database] = await Promise.allSettled([this.database.check(), this.checkRedis()]);
    if (database.status === 'rejected' || this.redisFault) throw new Problem('UNAVAILABLE');
    return new Health();
  }

  @Head('ready')
  @ApiExcludeEndpoint()
  readyHead(): Promise<Health> {
    return this.ready();
  }

  /** Logs only changes, not every probe. */
  private async checkRedis(): Promise<void> {
    const before = this.redisFault;
    this.redisFault = await this.redis.check().then(
      () => undefined,
      (error: unknown) => describeRedisAway(error) ?? describeError(error),
    );
    if (before === this.redisFault) return;
    if (this.redisFault === undefined) this.logger.log('Redis is ready again');
    else this.logger.error('Redis is not ready', { reason: this.redisFault });
  }
}
