/**
 * The time spent with a text, as a playhead: it runs while the page is seen and somebody is there.
 *
 * Somebody is there for five minutes after the page was touched, scrolled or read aloud; then it rests until the next
 * touch. Time is given by whoever ticks it, about once a second, so that a phone that slept claims nothing.
 */
export const THERE_FOR_MS = 5 * 60_000;
const LONGEST_TICK_MS = 2_500;

export class TextPlayhead extends EventTarget {
  readonly seeking = false;
  readonly readyState = 4;
  readonly playbackRate = 1;
  paused = true;
  currentTime: number;
  private tickedMs: number | null = null;
  private touchedMs: number;

  /** Goes on at `fromS` of `wholeS` seconds; the page was opened, hence touched, at `nowMs`. */
  constructor(
    fromS: number,
    private wholeS: number,
    nowMs: number,
  ) {
    super();
    this.currentTime = Math.min(fromS, wholeS);
    this.touchedMs = nowMs;
  }

  get ended(): boolean {
    return this.currentTime >= this.wholeS;
  }

  /** Somebody is there. */
  touch(nowMs: number): void {
    this.touchedMs = nowMs;
  }

  tick(nowMs: number, seen: boolean): void {
    const runs = seen && nowMs - this.touchedMs < THERE_FOR_MS && this.currentTime < this.wholeS;
    const passedMs = this.tickedMs === null ? 0 : Math.min(nowMs - this.tickedMs, LONGEST_TICK_MS);
    this.tickedMs = nowMs;
    if (!this.paused) this.currentTime = Math.min(this.wholeS, this.currentTime + passedMs / 1000);
    if (runs === !this.paused) return;
    this.paused = !runs;
    this.dispatchEvent(new Event(runs ? "playing" : "pause"));
  }
}
