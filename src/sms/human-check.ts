import { Problem } from '../common/problem.js';
import type { Sentence } from '../common/sentences.js';

/** What a request brings to show that a person asks; each check reads its own part. */
export interface HumanProof {
  /** A solved challenge of {@link ProofOfWork}. */
  readonly altcha?: string | undefined;
  readonly imageCodeId?: string | undefined;
  readonly imageCode?: string | undefined;
}

/** Shows that a person asks, or makes it dear for a program. The seam for other checks: one class each. */
export abstract class HumanCheck {
  /** The fields that this check asks for, with the sentence for whoever leaves them out. */
  abstract readonly fields: Readonly<Record<string, Sentence>>;

  /** Whether the proof has this check's part, right or wrong. */
  abstract isIn(proof: HumanProof): boolean;

  /**
   * Uses the proof up.
   * @throws Problem the check's own word when it is wrong, expired or used; TOO_MANY_REQUESTS
   */
  abstract redeem(proof: HumanProof): Promise<void>;
}

/** Several checks, of which one is enough. */
export class AnyHumanCheck extends HumanCheck {
  readonly fields: Readonly<Record<string, Sentence>>;

  constructor(private readonly checks: readonly HumanCheck[]) {
    super();
    this.fields = Object.assign({}, ...checks.map(({ fields }) => fields));
  }

  isIn(proof: HumanProof): boolean {
    return this.checks.some((check) => check.isIn(proof));
  }

  /** @throws Problem REQUEST_INVALID without any proof; what the check of the proof throws */
  async redeem(proof: HumanProof): Promise<void> {
    const check = this.checks.find((candidate) => candidate.isIn(proof));
    if (!check) {
      const errors = Object.entries(this.fields).map(([field, sentence]) => [field, [sentence]] as const);
      throw new Problem('REQUEST_INVALID', { errors: Object.fromEntries(errors) });
    }
    await check.redeem(proof);
  }
}
