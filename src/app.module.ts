import { DynamicModule, Module } from '@nestjs/common';
import { Config } from './config/config.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthController } from './http/health.controller.js';
import { MetricsServer } from './http/metrics-server.js';
import { Lifecycle } from './http/lifecycle.js';
import { PageSettingsController } from './http/page-settings.controller.js';
import { LegacyModule } from './legacy/legacy.module.js';
import { Limits } from './limits/limits.js';
import { OAuthModule } from './oauth/oauth.module.js';
import { redisModule } from './redis/redis.js';
import { SmsModule } from './sms/sms.module.js';
import { UsersModule } from './users/users.module.js';

/** The only global module: the configuration and the limits. */
@Module({})
class ConfigModule {
  static of(config: Config): DynamicModule {
    const providers = [{ provide: Config, useValue: config }, Limits];
    return { module: ConfigModule, global: true, providers, exports: [Config, Limits] };
  }
}

/** Wires the infrastructure. No other module does. */
@Module({})
export class AppModule {
  static of(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        redisModule(),
        DatabaseModule,
        SmsModule,
        UsersModule,
        OAuthModule,
        LegacyModule.of(config),
      ],
      controllers: [HealthController, PageSettingsController],
      providers: [Lifecycle, MetricsServer],
    };
  }
}
