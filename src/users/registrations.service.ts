import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../audit/audit-trail.js';
import { Proven } from '../auth/sign-ins.js';
import { Client } from '../common/client.js';
import { Limits } from '../limits/limits.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseCommon } from './password-policy.js';
import { PhoneTransactions } from './phone-transactions.js';
import { Terms } from './terms.js';
import { Account, UsersService } from './users.service.js';

export interface Registration {
  readonly username: string;
  readonly password: string;
  readonly mobile: string;
  readonly smsCode: string;
  readonly termsVersion?: string | undefined;
}

/** Opens accounts with a username and a password. */
@Injectable()
export class RegistrationsService {
  constructor(
    private readonly hasher: PasswordHasher,
    private readonly limits: Limits,
    private readonly phone: PhoneTransactions,
    private readonly terms: Terms,
    private readonly trail: AuditTrail,
    private readonly users: UsersService,
  ) {}

  /**
   * Opens an account and spends the SMS code as the last step before commit.
   * @throws Problem REQUEST_INVALID, TERMS_REQUIRED, SMS_CODE_INVALID, USERNAME_TAKEN, MOBILE_TAKEN, TOO_MANY_REQUESTS,
   *   OVERLOADED
   */
  async register(registration: Registration, client: Client): Promise<Proven<Account>> {
    const { username, password, mobile, smsCode, termsVersion } = registration;
    await this.limits.take({ 'registrations-per-ip': client.network });
    refuseCommon(password, { mobile, username });
    const detail = this.terms.agreed(termsVersion);
    await this.phone.check(mobile, smsCode, client);
    await this.users.refuseTaken(username, mobile);
    const encoded = await this.hasher.hash(password, client);
    const asOf = Date.now();
    const account = await this.phone.run(mobile, smsCode, client, async (tx) => {
      const added = await this.users.add({ username, mobile, password: encoded }, tx);
      await this.trail.record([{ event: 'registered', via: 'sms', userId: added.id, detail, client }], tx);
      return added;
    });
    return { account, asOf };
  }
}
