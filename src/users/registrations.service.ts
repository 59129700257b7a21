import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { SmsCodeService } from '../sms/sms-code.service.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseCommon } from './password-policy.js';
import { Account, UsersService } from './users.service.js';

export interface Registration {
  readonly username: string;
  readonly password: string;
  readonly mobile: string;
  readonly smsCode: string;
}

/** How a person opens an account without QQ. */
@Injectable()
export class RegistrationsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly hasher: PasswordHasher,
    private readonly limits: Limits,
    private readonly smsCodes: SmsCodeService,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * Opens an account with a username; the SMS code is spent as the last step before commit.
   * @throws Problem REQUEST_INVALID, SMS_CODE_INVALID, USERNAME_TAKEN, MOBILE_TAKEN, TOO_MANY_REQUESTS, OVERLOADED
   */
  async register(registration: Registration, client: Client): Promise<Proven<Account>> {
    const { username, password, mobile, smsCode } = registration;
    await this.limits.take({ 'registrations-per-ip': client.network });
    refuseCommon(password, { mobile, username });
    await this.smsCodes.check(mobile, smsCode, client.network);
    await this.users.refuseTaken(username, mobile);
    const encoded = await this.hasher.hash(password, client);
    const asOf = Date.now();
    const account = await this.smsCodes.spending(mobile, smsCode, (spend) =>
      this.dataSource.transaction(async (tx) => {
        const added = await this.users.add({ username, mobile, password: encoded }, tx);
        await this.trail.record([{ event: 'registered', via: 'sms', userId: added.id, client }], tx);
        await spend();
        return added;
      }),
    );
    return { account, asOf };
  }
}
