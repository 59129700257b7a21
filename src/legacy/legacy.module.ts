import { DynamicModule, Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { Config } from '../config/config.js';
import { OAuthModule } from '../oauth/oauth.module.js';
import { SmsModule } from '../sms/sms.module.js';
import { UsersModule } from '../users/users.module.js';
import { LegacyAccountsController } from './legacy-accounts.controller.js';
import { LegacyConsent } from './legacy-consent.js';
import { LegacyLoginController } from './legacy-login.controller.js';

/** Serves the old shop's unmodified pages. Without `LEGACY_CLIENT=true` none of its routes exist. */
@Module({})
export class LegacyModule {
  static of({ LEGACY_CLIENT }: Config): DynamicModule {
    if (!LEGACY_CLIENT) return { module: LegacyModule };
    return {
      module: LegacyModule,
      imports: [AuditModule, AuthModule, OAuthModule, SmsModule, UsersModule],
      controllers: [LegacyLoginController, LegacyAccountsController],
      providers: [LegacyConsent],
    };
  }
}
