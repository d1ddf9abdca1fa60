/** When to knock again after a failure. Pure: chance and clock are arguments. */

const FIRST_MS = 2_000;
const LONGEST_MS = 5 * 60_000;

/**
 * Milliseconds until attempt `failures + 1`: doubling from 2 s to 5 min, spread over half to the whole of it
 * (so that ten thousand phones do not come back in the same second).
 */
export function backoffMs(failures: number, chance: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(ceiling * (0.5 + 0.5 * chance));
}

/** Reads `Retry-After` (RFC 9110 §10.2.3: seconds or a date) as milliseconds from now; null when absent or unreadable. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (!header) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
