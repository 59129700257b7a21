/**
 * A call that brought no complete answer. It carries a code and never a URL: a URL to QQ holds the app's key and the
 * user's code, and errors are logged.
 */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault';

  constructor(
    /** undici's or the system's code; `ETIMEDOUT` when the deadline passed, `PROXY_<status>` when the proxy refused. */
    readonly code: string,
    /** Whether the request may have been written. `false` is certain: nothing of it was sent. */
    readonly maybeSent: boolean,
  ) {
    super(`no answer (${code})`);
  }
}
