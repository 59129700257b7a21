import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Limits, Uses } from '../limits/limits.js';
import { Client } from '../common/client.js';
import { maskMobile } from '../common/mobile.js';
import { Problem } from '../common/problem.js';
import { HumanCheck, HumanProof } from './human-check.js';
import { Replaced, SMS_CODE_TTL, SmsCodeStore } from './sms-code-store.js';
import { Delivery, GATEWAY_TIMEOUT_MS, SmsGateway } from './sms-gateway.js';

/** Seconds until the same mobile may ask again. */
export const SMS_RESEND_AFTER = 60;
/** Milliseconds between two tries to put a code back. The tries go on for as long as a code lives. */
const PUT_BACK_EVERY = 200;
const PUT_BACK_TRIES = (SMS_CODE_TTL * 1000) / PUT_BACK_EVERY;

/** A code that a request has spent and replaced with its mark. */
interface Spent {
  readonly mobile: string;
  readonly code: string;
  readonly mark: string;
  readonly requestId: string;
}

/** SMS codes: sends them, checks them, and spends them for what they prove. */
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
   * Sends a new code, which replaces the previous one, after a human check. The code is counted and stored before it is
   * sent, because it may arrive before the gateway's answer. If it was certainly not sent, the count is undone and the
   * previous code is restored. If it may have been sent, it is treated as sent.
   * @param to the mobile, or a function that looks it up, which is called after the limits by address
   * @throws Problem IMAGE_CODE_INVALID, HUMAN_CHECK_INVALID, TOO_MANY_REQUESTS, SMS_UNAVAILABLE, REQUEST_INVALID (no
   *   proof, or the gateway refuses the number)
   */
  async send(to: string | (() => Promise<string>), proof: HumanProof, client: Client): Promise<Delivery> {
    const { network, subnet, requestId } = client;
    await this.humanCheck.redeem(proof);
    const byAddress: Uses = {
      'sms-per-ip-hour': network,
      'sms-per-ip-day': network,
      'sms-per-subnet-day': subnet,
      'sms-budget-day': 'all',
    };
    const byMobile = (mobile: string): Uses => ({
      'sms-per-mobile-minute': mobile,
      'sms-per-mobile-hour': mobile,
      'sms-per-mobile-day': mobile,
    });
    let mobile = '';
    await this.limits.take(byAddress, async () => {
      mobile = typeof to === 'string' ? to : await to();
      return byMobile(mobile);
    });
    const uses = { ...byAddress, ...byMobile(mobile) };
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const delivery = await this.hand(code, mobile, uses, client);
    const line = { requestId, mobile: maskMobile(mobile) };
    if (delivery === 'accepted') this.logger.log('SMS code sent', line);
    else this.logger.warn('SMS code perhaps sent: the gateway did not say', line);
    return delivery;
  }

  /**
   * Checks a code without spending it. Every try at a living code counts before it is compared: at most five for one
   * code, even if another service wrote it, and twenty a day for one mobile, which a new code does not reset. A try that cannot succeed
   * (no code, or no tries left) does not count for the day, because anyone could use up any mobile's tries.
   * @param network of a caller who needs only the mobile (no QQ, no login), to limit polling
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
   * Runs `work`, which calls `spend` as its last step before commit. Of two callers with the same code one succeeds.
   * When `work` fails after `spend`, the code is put back with its remaining life and tries, unless it was used or
   * replaced in the meantime.
   * @throws Problem SMS_CODE_INVALID from `spend` when the code is gone
   */
  async spending<T>(
    mobile: string,
    code: string,
    { requestId }: Client,
    work: (spend: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const mark = `spent:${randomUUID()}`;
    let marked = false;
    const spend = async () => {
      // Until Redis answers, the mark may or may not exist. Putting back does nothing without it.
      marked = true;
      marked = await this.store.spend(mobile, code, mark);
      if (!marked) throw new Problem('SMS_CODE_INVALID');
    };
    try {
      const result = await work(spend);
      // After the answer. A mark that is not deleted is no valid code, and expires with the code.
      if (marked)
        this.store
          .forget(mobile, mark)
          .catch(() => this.logger.warn('SMS mark left to expire', { requestId }));
      return result;
    } catch (error) {
      if (marked) await this.putBack({ mobile, code, mark, requestId });
      throw error;
    }
  }

  private async hand(code: string, mobile: string, uses: Uses, client: Client): Promise<Delivery> {
    const { clock, requestId } = client;
    const replaced = await this.replace(mobile, code, uses, requestId);
    try {
      return await this.gateway.send(mobile, code, Math.min(GATEWAY_TIMEOUT_MS, clock?.timeLeft ?? Infinity));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The code before the counts, so that the next request for this mobile finds the code it may replace.
      await this.store
        .restore(replaced)
        .catch((cause: Error) =>
          this.logger.error('SMS code before a failed one lost', { requestId, cause: cause.name }),
        );
      await this.uncount(uses, requestId);
      throw error;
    }
  }

  private async replace(mobile: string, code: string, uses: Uses, requestId: string): Promise<Replaced> {
    try {
      return await this.store.replace(mobile, code);
    } catch (error) {
      void this.uncount(uses, requestId);
      throw error;
    }
  }

  /** Undoes the counts. Its own failure is only logged, because the caller must learn why the SMS was not sent. */
  private async uncount(uses: Uses, requestId: string): Promise<void> {
    await this.limits
      .giveBack(uses)
      .catch((cause: Error) =>
        this.logger.error('SMS that was not sent stays counted', { requestId, cause: cause.name }),
      );
  }

  /**
   * Puts the code back. While Redis is away it continues in the background: the connection may have died after the
   * spend.
   */
  private async putBack(spent: Spent, tries = PUT_BACK_TRIES): Promise<void> {
    const { mobile, code, mark, requestId } = spent;
    try {
      await this.store.putBack(mobile, code, mark);
    } catch (error) {
      // The caller must learn why its work failed, not that the code could not be put back.
      if (tries > 0) setTimeout(() => void this.putBack(spent, tries - 1), PUT_BACK_EVERY).unref();
      else
        this.logger.error('SMS code not put back', {
          requestId,
          mobile: maskMobile(mobile),
          cause: (error as Error).name,
        });
    }
  }
}
