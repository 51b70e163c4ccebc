/** How near the end of a release or a trust root is. */
const SOON_MS = 30 * 86_400_000;

/** `soon`: a month is left, in which people with keys can be reached to sign the next. */
export function expiryOf(at: number | undefined, now: number): "expired" | "soon" | "later" {
  if (at === undefined) return "later";
  if (at <= now) return "expired";
  return at - now <= SOON_MS ? "soon" : "later";
}
