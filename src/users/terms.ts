import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Problem } from '../common/problem.js';

/** Consent to the terms and the privacy policy. A new account needs it if `TERMS_VERSION` is set. */
@Injectable()
export class Terms {
  private readonly version: string | undefined;

  constructor({ TERMS_VERSION }: Config) {
    this.version = TERMS_VERSION;
  }

  /**
   * The version that a new user accepted, for the audit trail; undefined if none is required.
   * @param given the request's `terms_version`
   * @throws Problem TERMS_REQUIRED
   */
  agreed(given: string | undefined): string | undefined {
    if (given !== this.version && this.version !== undefined) throw new Problem('TERMS_REQUIRED');
    return this.version;
  }
}
