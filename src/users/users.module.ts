import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { SmsModule } from '../sms/sms.module.js';
import { AccountChanges } from './account-changes.js';
import { ActiveAccountPipe } from './active-account.pipe.js';
import { AuthorizationsController } from './authorizations.controller.js';
import { HashRenewals } from './hash-renewals.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordProofs } from './password-proofs.js';
import { PasswordsService } from './passwords.service.js';
import { RegistrationsService } from './registrations.service.js';
import { User } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [AuditModule, AuthModule, SmsModule, TypeOrmModule.forFeature([User])],
  controllers: [AuthorizationsController, UsersController],
  providers: [
    AccountChanges,
    ActiveAccountPipe,
    HashRenewals,
    PasswordHasher,
    PasswordProofs,
    PasswordsService,
    RegistrationsService,
    UsersService,
  ],
  exports: [AccountChanges, ActiveAccountPipe, PasswordHasher, PasswordProofs, UsersService],
})
export class UsersModule {}
