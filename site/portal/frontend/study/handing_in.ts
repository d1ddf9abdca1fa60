/** What handing beats in needs of this browser, shared by the lesson page and all other pages. */
import type { BeatQueue } from "./beat_queue";
import type { Surroundings } from "./beat_sender";

/** The archive takes no beat that is older (courses.archive, PLAY_OFFLINE_MAX); a margin for clocks is added. */
const LONGEST_MS = 26 * 3600 * 1000;
const MARK = "study-beats-waiting";

export const surroundings: Surroundings = {
  fetch: (url, init) => fetch(url, init),
  nowMs: () => Date.now(),
  chance: () => Math.random(),
  later: (ms, callback) => {
    const timer = window.setTimeout(callback, ms);
    return () => window.clearTimeout(timer);
  },
};

export async function forgetOld(queue: BeatQueue): Promise<void> {
  const lost = await queue.forget(Date.now() - LONGEST_MS);
  if (lost) console.warn(`${lost} beats were too old to hand in`);
}

/** Leaves a mark, so that any page knows without opening the queue whether something waits. */
export function rememberWaiting(count: number): void {
  try {
    if (count) localStorage.setItem(MARK, String(count));
    else localStorage.removeItem(MARK);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // storage is switched off
  }
}

export function somethingWaits(): boolean {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return false;
  }
}
