import { createSecretKey } from 'node:crypto';
import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Config } from '../config/config.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuthGuard } from './auth.guard.js';
import { SignIns } from './sign-ins.js';
import { TokenRevocations } from './token-revocations.js';
import { TokenService } from './token.service.js';

@Module({
  imports: [
    AuditModule,
    JwtModule.registerAsync({
      inject: [Config],
      useFactory: (config: Config) => ({
        // A KeyObject: from a string, jsonwebtoken first tries to read a private key, every time.
        secret: createSecretKey(config.JWT_SECRET, 'utf8'),
        signOptions: { algorithm: 'HS256' },
        verifyOptions: { algorithms: ['HS256'] },
      }),
    }),
  ],
  providers: [AuthGuard, SignIns, TokenRevocations, TokenService],
  exports: [AuthGuard, SignIns, TokenService],
})
export class AuthModule {}
