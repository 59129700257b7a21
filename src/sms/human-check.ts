import { Problem } from '../common/problem.js';
import type { Sentence } from '../common/sentences.js';

/** What a request sends to pass a human check. Each check reads its own fields. */
export interface HumanProof {
  /** A solved challenge of {@link ProofOfWork}. */
  readonly altcha?: string | undefined;
  readonly imageCodeId?: string | undefined;
  readonly imageCode?: string | undefined;
}

/** A check that a person sends the request, or that makes it expensive for a program. Add a check as a subclass. */
export abstract class HumanCheck {
  /** The fields that this check needs, with the sentence shown if they are missing. */
  abstract readonly fields: Readonly<Record<string, Sentence>>;

  /** Whether the proof contains this check's fields, right or wrong. */
  abstract isIn(proof: HumanProof): boolean;

  /**
   * Uses up the proof.
   * @throws Problem the check's own code when it is wrong, expired or used; TOO_MANY_REQUESTS
   */
  abstract redeem(proof: HumanProof): Promise<void>;
}

/** Several checks. Passing one of them is enough. */
export class AnyHumanCheck extends HumanCheck {
  readonly fields: Readonly<Record<string, Sentence>>;

  constructor(private readonly checks: readonly HumanCheck[]) {
    super();
    this.fields = Object.assign({}, ...checks.map(({ fields }) => fields));
  }

  isIn(proof: HumanProof): boolean {
    return this.checks.some((check) => check.isIn(proof));
  }

  /** @throws Problem REQUEST_INVALID without any proof; what the proof's check throws */
  async redeem(proof: HumanProof): Promise<void> {
    const check = this.checks.find((candidate) => candidate.isIn(proof));
    if (!check) {
      const errors = Object.entries(this.fields).map(([field, sentence]) => [field, [sentence]] as const);
      throw new Problem('REQUEST_INVALID', { errors: Object.fromEntries(errors) });
    }
    await check.redeem(proof);
  }
}
