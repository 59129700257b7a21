/** Bytes of a `next`, percent-encoded: what fits into a `state` of 500. */
const LONGEST = 200;
/** One `/`, then neither `/` nor `\`: anything else leaves the site in some browser. */
const LOCAL = /^\/(?![/\\])[^\p{Cc}]*$/u;

/** Whether `next` is a path on the shop's own site, as it was received and percent-decoded once. */
export function isLocalPath(next: string): boolean {
  if (!next.isWellFormed() || next.replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent).length > LONGEST)
    return false;
  return LOCAL.test(next) && LOCAL.test(decoded(next));
}

/** Empty, and so not local, where a `%` stands for nothing. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // URIError is the only thing it throws, and the answer is the same for every kind of it.
    return '';
  }
}
