/**
 * Which stretches of a lecture were truly played forward: samples of a playhead in, intervals out.
 *
 * Pure: no clock, no video element. Positions and clocks are whole or fractional milliseconds.
 */
export type Interval = [startMs: number, endMs: number];

export interface Sample {
  /** Playhead within the lecture, ms. */
  positionMs: number;
  /** A clock that never runs backwards, ms. */
  clockMs: number;
  rate: number;
}

/** How far the playhead may run ahead of the clock: decoders catch up after a stall, timers come late. */
const SLACK_MS = 750;
const SLACK_SHARE = 0.25;

export class IntervalRecorder {
  private last: Sample | null = null;
  private open: Interval | null = null;
  private closed: Interval[] = [];

  /** Notes where the playhead is while it runs. A jump ends the interval: only what lies between is left out. */
  sample(now: Sample): void {
    const { last } = this;
    this.last = now;
    if (last && this.open && continues(last, now)) {
      this.open[1] = now.positionMs;
      return;
    }
    this.close();
    this.open = [now.positionMs, now.positionMs];
  }

  /** The playhead stands or is moved: whatever comes next begins a new interval. */
  stop(): void {
    this.close();
    this.last = null;
  }

  /** Hands over the intervals since the last call, in the order they were played, and goes on recording. */
  take(): Interval[] {
    const at = this.open?.[1];
    this.close();
    if (at !== undefined && this.last) this.open = [at, at];
    const taken = this.closed;
    this.closed = [];
    return taken;
  }

  private close(): void {
    if (!this.open) return;
    const [start, end] = [inTenths(this.open[0]), inTenths(this.open[1])];
    if (end > start) this.closed.push([start, end]);
    this.open = null;
  }
}

function continues(last: Sample, now: Sample): boolean {
  const moved = now.positionMs - last.positionMs;
  const could = (now.clockMs - last.clockMs) * now.rate;
  return moved >= 0 && moved <= could * (1 + SLACK_SHARE) + SLACK_MS;
}

/**
 * To the nearest tenth of a second: so finely an archive that reckons in seconds wants to know, and what comes after that
 * (when a timer fired) would be more than half of all it keeps. An end and the beginning after it stay the same.
 */
export function inTenths(ms: number): number {
  return Math.round(ms / 100) * 100;
}

/** Sum of the lengths, ms. */
export function length(intervals: Interval[]): number {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0);
}
