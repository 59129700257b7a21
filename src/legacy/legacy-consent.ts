import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';

/** The consent fields of the old pages' forms. */
export interface LegacyForm {
  readonly allow?: unknown;
  readonly terms_version?: string;
}

/** Reads the old pages' consent: `allow: "true"` accepts the current terms. */
@Injectable()
export class LegacyConsent {
  constructor(private readonly config: Config) {}

  /** The accepted version; undefined when the box was not ticked. */
  of({ allow, terms_version: given }: LegacyForm): string | undefined {
    const ticked = allow === true || allow === 'true';
    return given ?? (ticked ? this.config.TERMS_VERSION : undefined);
  }
}
