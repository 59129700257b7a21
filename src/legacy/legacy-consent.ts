import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';

/** What the old pages say about consent. */
export interface LegacyForm {
  readonly allow?: unknown;
  readonly terms_version?: string;
}

/** Reads the old pages' consent: `allow: "true"` means the terms that are shown today. */
@Injectable()
export class LegacyConsent {
  constructor(private readonly config: Config) {}

  /** The version agreed to; undefined when the box was not ticked. */
  of({ allow, terms_version: given }: LegacyForm): string | undefined {
    const ticked = allow === true || allow === 'true';
    return given ?? (ticked ? this.config.TERMS_VERSION : undefined);
  }
}
