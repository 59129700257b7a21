import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Config } from '../config/config.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuthGuard } from './auth.guard.js';
import { SignIns } from './sign-ins.js';
import { TokenRevocations } from './token-revocations.js';
import { loginTokenOptions, TokenService } from './token.service.js';

@Module({
  imports: [
    AuditModule,
    JwtModule.registerAsync({
      inject: [Config],
      useFactory: ({ JWT_SECRET }: Config) => loginTokenOptions(JWT_SECRET),
    }),
  ],
  providers: [AuthGuard, SignIns, TokenRevocations, TokenService],
  exports: [AuthGuard, SignIns, TokenService],
})
export class AuthModule {}
