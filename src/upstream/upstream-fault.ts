/**
 * A call that got no complete answer. It has a code and never a URL, because errors are logged: a URL to QQ contains
 * the app's key and the user's code.
 */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault';

  constructor(
    /** The code of undici or the system; `ETIMEDOUT` after the deadline, `PROXY_<status>` when the proxy refused. */
    readonly code: string,
    /** Whether the request may have been sent. `false`: certainly not. */
    readonly maybeSent: boolean,
  ) {
    super(`no answer (${code})`);
  }
}
