import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module.js';
import { SmsModule } from '../sms/sms.module.js';
import { AccountEvent } from '../audit/account-event.entity.js';
import { AccountEvents } from '../audit/account-events.service.js';
import { ActiveAccountPipe } from './active-account.pipe.js';
import { AuthorizationsController } from './authorizations.controller.js';
import { CredentialsService } from './credentials.service.js';
import { HashRenewals } from './hash-renewals.js';
import { PasswordHasher } from './password-hasher.js';
import { User } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [AuthModule, SmsModule, TypeOrmModule.forFeature([AccountEvent, User])],
  controllers: [AuthorizationsController, UsersController],
  providers: [
    AccountEvents,
    ActiveAccountPipe,
    CredentialsService,
    HashRenewals,
    PasswordHasher,
    UsersService,
  ],
  exports: [AccountEvents, CredentialsService, PasswordHasher, UsersService],
})
export class UsersModule {}
