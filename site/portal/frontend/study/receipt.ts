/** Reads the archive's answer to a batch of beats and says what follows from it. Pure. */
import { retryAfterMs } from "./retry";

/** One stretch of the coverage strip, seconds. */
export interface Span {
  start_s: number;
  end_s: number;
  kind: "counted" | "not_counted" | "unwatched";
  reason_code?: string;
  reason?: string;
}

/** A stretch that is still missing. */
export interface Gap {
  start_s: number;
  end_s: number;
  reason_code: string;
  reason: string;
  start_label: string;
  end_label: string;
}

/** Where the member stands in this lesson, as the archive reckons it. */
export interface StudyState {
  coverage: number;
  watched_s: number;
  needed_s: number;
  position_s: number;
  frontier_s: number;
  completed: boolean;
  duration_s: number;
  hours_on_offer: number;
  credited_hours: number;
  speed_cap: number;
  free_seek: boolean;
  spans: Span[];
  missing: Gap[];
}

export type Verdict =
  | { kind: "accepted"; seqs: number[]; state: StudyState | null }
  | { kind: "lease_lost"; message: string; seqs: number[]; state: StudyState | null }
  | { kind: "renew" }
  | { kind: "conflict"; seqs: number[] }
  | { kind: "refused"; code: string; message: string }
  | { kind: "later"; afterMs: number | null; reachable: boolean };

interface Answer {
  accepted?: number[];
  duplicates?: number[];
  /** Null: kept, and to be asked for (study/reckoning.ts). */
  state?: StudyState | null;
  code?: string;
  message?: string;
  conflicts?: number[];
}

/** Judges an HTTP answer; `body` is the parsed JSON or null when there was none. */
export function judge(status: number, body: unknown, retryAfter: string | null, nowMs: number): Verdict {
  const answer: Answer = typeof body === "object" && body !== null ? body : {};
  const code = answer.code ?? "";
  const seqs = [...(answer.accepted ?? []), ...(answer.duplicates ?? [])];
  const state = answer.state ?? null;
  if (status === 200) return { kind: "accepted", seqs, state };
  if (status === 401 || status === 403) return { kind: "renew" };
  if (status === 409 && code === "LEASE_LOST") {
    return { kind: "lease_lost", message: answer.message ?? "", seqs, state };
  }
  if (status === 409) return { kind: "conflict", seqs: answer.conflicts ?? [] };
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: "later", afterMs: retryAfterMs(retryAfter, nowMs), reachable: true };
  }
  return { kind: "refused", code: code || String(status), message: answer.message ?? "" };
}
