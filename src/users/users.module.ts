import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { SmsModule } from '../sms/sms.module.js';
import { AccountChanges } from './account-changes.js';
import { ActiveAccountPipe } from './active-account.pipe.js';
import { AuthorizationsController } from './authorizations.controller.js';
import { HashRenewals } from './hash-renewals.js';
import { IntrospectionController } from './introspection.controller.js';
import { NameLookups } from './name-lookups.js';
import { OwnAccountService } from './own-account.service.js';
import { OwnMobiles } from './own-mobiles.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordProofs } from './password-proofs.js';
import { PasswordsService } from './passwords.service.js';
import { PhoneTransactions } from './phone-transactions.js';
import { RegistrationsService } from './registrations.service.js';
import { SmsCodesController } from './sms-codes.controller.js';
import { SmsLoginService } from './sms-login.service.js';
import { Terms } from './terms.js';
import { User } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [AuditModule, AuthModule, SmsModule, TypeOrmModule.forFeature([User])],
  controllers: [AuthorizationsController, IntrospectionController, SmsCodesController, UsersController],
  providers: [
    AccountChanges,
    ActiveAccountPipe,
    HashRenewals,
    NameLookups,
    OwnAccountService,
    OwnMobiles,
    PasswordHasher,
    PasswordProofs,
    PasswordsService,
    PhoneTransactions,
    RegistrationsService,
    SmsLoginService,
    Terms,
    UsersService,
  ],
  exports: [
    AccountChanges,
    ActiveAccountPipe,
    NameLookups,
    OwnAccountService,
    PasswordHasher,
    PasswordProofs,
    RegistrationsService,
    Terms,
    UsersService,
  ],
})
export class UsersModule {}
