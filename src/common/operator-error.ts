/**
 * A mistake that the operator can correct: configuration, a port in use, a password that a server refuses. The message
 * is one complete sentence (or one per line). It names variables and never quotes their values.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
