/**
 * A mistake that the operator can correct: configuration, a port in use, a refused password of a server.
 * Its message is one complete sentence (or one per line), names variables and never quotes their values.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}
