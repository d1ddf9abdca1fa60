/** What of a lesson is to be made up, as the strip lists it. Pure. */
import type { Gap } from "./receipt";

/** The missing stretches without the rest that has simply not been reached yet (it needs no button of its own). */
export function toMakeUp(missing: Gap[], durationS: number): Gap[] {
  return missing.filter((gap) => gap.reason_code !== "NOT_PLAYED" || gap.end_s < durationS);
}
