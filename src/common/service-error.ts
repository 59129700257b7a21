/**
 * An error whose message may be logged: we wrote it, and it quotes neither input nor secrets. Messages of other errors
 * are never logged.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
}
