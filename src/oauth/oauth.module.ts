import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module.js';
import { Config } from '../config/config.js';
import { SmsModule } from '../sms/sms.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccountQqsService } from './account-qqs.service.js';
import { BindReceipts } from './bind-receipts.js';
import { bindTokenOptions, BindTokenService } from './bind-token.service.js';
import { BindingsController } from './bindings.controller.js';
import { BrowserCookie } from './browser-cookie.js';
import { LoginState } from './login-state.js';
import { OAuthController } from './oauth.controller.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqBindService } from './qq-bind.service.js';
import { QqBindings } from './qq-bindings.js';
import { QqClient } from './qq-client.js';

@Module({
  imports: [
    AuthModule,
    JwtModule.registerAsync({ inject: [Config], useFactory: bindTokenOptions }),
    SmsModule,
    TypeOrmModule.forFeature([OAuthQQUser]),
    UsersModule,
  ],
  controllers: [OAuthController, BindingsController],
  providers: [
    AccountQqsService,
    BindReceipts,
    BindTokenService,
    BrowserCookie,
    LoginState,
    QqBindings,
    QqBindService,
    QqClient,
  ],
})
export class OAuthModule {}
