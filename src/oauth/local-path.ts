/** Bytes of a percent-encoded `next`, so that it fits into a `state` of 500 bytes. */
const LONGEST = 200;
/** One `/`, not followed by `/` or `\`: with those, some browsers leave the site. */
const LOCAL = /^\/(?![/\\])[^\p{Cc}]*$/u;

/** Whether `next` is a path on the shop's own site, both as received and percent-decoded once. */
export function isLocalPath(next: string): boolean {
  if (!next.isWellFormed() || next.replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent).length > LONGEST)
    return false;
  return LOCAL.test(next) && LOCAL.test(decoded(next));
}

/** The decoded path; '' (which is not local) if it has an invalid `%`. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // decodeURI throws only URIError.
    return '';
  }
}
