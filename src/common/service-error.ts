/**
 * An error of this service whose message may be logged: it is written by us and quotes neither input nor secrets. The
 * messages of all other errors stay out of the log.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
}
