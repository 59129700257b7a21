import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { Config } from '../config/config.js';
import { SmsModule } from '../sms/sms.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccountQqsService } from './account-qqs.service.js';
import { AddQqService } from './add-qq.service.js';
import { BindOwners } from './bind-owners.js';
import { BindReceipts } from './bind-receipts.js';
import { BindRepeats } from './bind-repeats.js';
import { bindTokenOptions, BindTokenService } from './bind-token.service.js';
import { BindingsController } from './bindings.controller.js';
import { BindTransaction } from './bind-transaction.js';
import { BrowserCookie, GiveBrowserPipe, ReadBrowserPipe } from './browser-cookie.js';
import { CallbackOutcomes } from './callback-outcomes.js';
import { LoginState } from './login-state.js';
import { OAuthController } from './oauth.controller.js';
import { OAuthQQUser } from './oauth-qq-user.entity.js';
import { QqBindService } from './qq-bind.service.js';
import { QqBindings } from './qq-bindings.js';
import { QqLoginService } from './qq-login.service.js';
import { QqClient } from './qq-client.js';
import { UnbindOnClose } from './unbind-on-close.js';

@Module({
  imports: [
    AuditModule,
    AuthModule,
    JwtModule.registerAsync({ inject: [Config], useFactory: bindTokenOptions }),
    SmsModule,
    TypeOrmModule.forFeature([OAuthQQUser]),
    UsersModule,
  ],
  controllers: [OAuthController, BindingsController],
  providers: [
    AccountQqsService,
    AddQqService,
    BindOwners,
    BindReceipts,
    BindRepeats,
    BindTokenService,
    BindTransaction,
    BrowserCookie,
    CallbackOutcomes,
    GiveBrowserPipe,
    LoginState,
    QqBindings,
    QqBindService,
    QqClient,
    QqLoginService,
    ReadBrowserPipe,
    UnbindOnClose,
  ],
  exports: [AccountQqsService, BrowserCookie, QqBindService, QqLoginService, ReadBrowserPipe],
})
export class OAuthModule {}
