/** What of a lesson is still missing, as the strip lists it. Pure. */
import type { Gap } from "./receipt";

/** Whether a gap is only the rest that has not been reached yet: one goes on there, and makes nothing up. */
export function isTheRest(gap: Gap, durationS: number): boolean {
  return gap.reason_code === "NOT_PLAYED" && gap.end_s >= durationS;
}

/** The second that the page's address asks for (`?from=244`, a gap in a list of lessons); null for none. */
export function askedFor(search: string): number | null {
  const asked = new URLSearchParams(search).get("from");
  return asked !== null && /^\d{1,6}$/.test(asked) ? Number(asked) : null;
}
