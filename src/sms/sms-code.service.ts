import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Limits, Uses } from '../limits/limits.js';
import { Client } from '../common/client.js';
import { maskMobile } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { HumanCheck, HumanProof } from './human-check.js';
import { Replaced, SMS_CODE_TTL, SmsCodeStore } from './sms-code-store.js';
import { Delivery, SmsGateway } from './sms-gateway.js';

/** Seconds until the same mobile may ask again. */
export const SMS_RESEND_AFTER = 60;
/** Milliseconds between two tries to put a code back, and how many: for as long as a code lives. */
const PUT_BACK_EVERY = 200;
const PUT_BACK_TRIES = (SMS_CODE_TTL * 1000) / PUT_BACK_EVERY;

/** SMS codes: sent, checked, and used up by whatever they prove. */
@Injectable()
export class SmsCodeService {
  private readonly logger = new Logger(SmsCodeService.name);

  constructor(
    private readonly store: SmsCodeStore,
    private readonly limits: Limits,
    private readonly gateway: SmsGateway,
    private readonly humanCheck: HumanCheck,
  ) {}

  /**
   * Sends a new code to whoever passes the human check; it replaces the one before. It is counted, and works, before it is sent: it may arrive before
   * the gateway's answer. What was certainly not sent is not counted and leaves the code before it as it was; what may
   * have been sent is treated as sent.
   * @throws Problem IMAGE_CODE_INVALID, HUMAN_CHECK_INVALID, TOO_MANY_REQUESTS, SMS_UNAVAILABLE, REQUEST_INVALID (no
   *   proof, or the gateway refuses the number)
   */
  async send(mobile: string, proof: HumanProof, { network, subnet }: Client): Promise<Delivery> {
    await this.humanCheck.redeem(proof);
    const uses: Uses = {
      'sms-per-mobile-minute': mobile,
      'sms-per-mobile-hour': mobile,
      'sms-per-mobile-day': mobile,
      'sms-per-ip-hour': network,
      'sms-per-ip-day': network,
      'sms-per-subnet-day': subnet,
      'sms-budget-day': 'all',
    };
    await this.limits.take(uses);
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const delivery = await this.hand(code, mobile, uses);
    const line = { mobile: maskMobile(mobile) };
    if (delivery === 'accepted') this.logger.log('SMS code sent', line);
    else this.logger.warn('SMS code perhaps sent: the gateway did not say', line);
    return delivery;
  }

  /**
   * Looks at a code without using it up. Every try at a code that is alive counts before it is looked at: five a code,
   * whoever wrote it, and twenty a day for the mobile, which no new code resets. A try that cannot hit (no code, or a
   * burnt one) does not count for the day, or anybody could use up anybody's.
   * @param network of a caller who has shown nothing but the mobile (no QQ, no login), to limit polling
   * @throws Problem SMS_CODE_INVALID, TOO_MANY_REQUESTS
   */
  async check(mobile: string, code: string, network?: string): Promise<void> {
    if (network !== undefined)
      await this.limits.take({ 'sms-tries-per-mobile-and-ip': `${mobile}@${network}` });
    const sent = await this.store.try(mobile);
    if (sent === undefined) throw new Problem('SMS_CODE_INVALID');
    await this.limits.take({ 'sms-tries-per-mobile-day': mobile });
    if (!timingSafeEqual(Buffer.from(sent), Buffer.from(code))) throw new Problem('SMS_CODE_INVALID');
  }

  /**
   * Runs `work`, which calls `spend` as its last step before commit. Of two with the same code one gets through. When
   * `work` fails after that, the code is put back in place of this caller's mark, with what is left of its life and
   * its tries; never where anybody has used or replaced it in the meantime.
   * @throws Problem SMS_CODE_INVALID from `spend` when the code is gone
   */
  async spending<T>(
    mobile: string,
    code: string,
    work: (spend: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const mark = `spent:${randomUUID()}`;
    let marked = false;
    const spend = async () => {
      // Until Redis answers, nobody knows whether the mark is there; putting back does nothing where it is not.
      marked = true;
      marked = await this.store.spend(mobile, code, mark);
      if (!marked) throw new Problem('SMS_CODE_INVALID');
    };
    try {
      const result = await work(spend);
      // Behind the answer: a mark that stays is no code, and ends when the code would have.
      if (marked) this.store.forget(mobile, mark).catch(() => this.logger.warn('SMS mark left to expire'));
      return result;
    } catch (error) {
      if (marked) await this.putBack(mobile, code, mark);
      throw error;
    }
  }

  private async hand(code: string, mobile: string, uses: Uses): Promise<Delivery> {
    const replaced = await this.replace(mobile, code, uses);
    try {
      return await this.gateway.send(mobile, code);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // First the code, then the counts: the next request for this mobile finds the code that it may replace.
      await this.store
        .restore(replaced)
        .catch((cause: Error) =>
          this.logger.error('SMS code before a failed one lost', { cause: cause.name }),
        );
      await this.uncount(uses);
      throw error;
    }
  }

  private async replace(mobile: string, code: string, uses: Uses): Promise<Replaced> {
    try {
      return await this.store.replace(mobile, code);
    } catch (error) {
      void this.uncount(uses);
      throw error;
    }
  }

  /** The caller has to hear why its message was not sent, whatever becomes of this. */
  private async uncount(uses: Uses): Promise<void> {
    await this.limits
      .giveBack(uses)
      .catch((cause: Error) =>
        this.logger.error('SMS that was not sent stays counted', { cause: cause.name }),
      );
  }

  /** While Redis is away this goes on behind: the connection may have died with the answer to the spending. */
  private async putBack(mobile: string, code: string, mark: string, tries = PUT_BACK_TRIES): Promise<void> {
    try {
      await this.store.putBack(mobile, code, mark);
    } catch (error) {
      // What the caller has to hear is why its work failed, not that the code went with it.
      if (tries > 0)
        setTimeout(() => void this.putBack(mobile, code, mark, tries - 1), PUT_BACK_EVERY).unref();
      else
        this.logger.error('SMS code not put back', {
          mobile: maskMobile(mobile),
          cause: (error as Error).name,
        });
    }
  }
}
