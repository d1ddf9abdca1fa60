/**
 * Cuts what was played into beats, each of one manner: one speed, seen or not seen, picture or sound only.
 *
 * Pure: the controller feeds it samples and asks for a cut every `beat_seconds`, on pause, on hiding and at the end.
 */
import { IntervalRecorder, inTenths, length, type Interval, type Sample } from "./intervals";

/** A beat as the archive takes it, without the number that the queue gives. */
export interface BeatBody {
  intervals: Interval[];
  position_ms: number;
  rate: number;
  visible: boolean;
  clock_ms: number;
  flags?: string[];
}

export interface Beat extends BeatBody {
  seq: number;
}

/** How the lecture runs just now; a change begins a new beat. */
export interface Manner {
  rate: number;
  visible: boolean;
  /** The archive knows `audio` (only the sound, so the page need not be seen), `idle` and `confirmed`. */
  flags: string[];
}

/**
 * The archive refuses a beat that claims more than about thirty seconds, and timers of a page in the background come
 * as rarely as once a minute: such a stretch is handed in as several beats.
 */
const LONGEST_MS = 20_000;

export class BeatRecorder {
  private recorder = new IntervalRecorder();
  private manner: Manner | null = null;
  private ready: BeatBody[] = [];

  /** Notes the running playhead; `wallMs` is the phone's own clock, kept as evidence only. */
  sample(at: Omit<Sample, "rate">, manner: Manner, wallMs: number): void {
    if (this.manner && !same(this.manner, manner)) this.cut(wallMs);
    this.manner = manner;
    this.recorder.sample({ ...at, rate: manner.rate });
  }

  /** The playhead was moved or stands still. */
  stop(): void {
    this.recorder.stop();
  }

  /** Ends the beat under way and hands over all that are complete; a beat without playing is none. */
  take(wallMs: number): BeatBody[] {
    this.cut(wallMs);
    const taken = this.ready;
    this.ready = [];
    return taken;
  }

  private cut(wallMs: number): void {
    const intervals = this.recorder.take();
    if (!intervals.length || !this.manner) return;
    const { rate, visible, flags } = this.manner;
    let clockMs = wallMs - length(intervals) / rate;
    for (const part of portions(intervals, LONGEST_MS)) {
      clockMs += length(part) / rate;
      const body: BeatBody = {
        intervals: part,
        position_ms: (part.at(-1) as Interval)[1],
        rate,
        visible,
        clock_ms: inTenths(clockMs),
      };
      if (flags.length) body.flags = [...flags];
      this.ready.push(body);
    }
  }
}

/** The same stretches in the same order, in portions of at most `mostMs`. */
function portions(intervals: Interval[], mostMs: number): Interval[][] {
  const all: Interval[][] = [[]];
  let room = mostMs;
  for (let [start, end] of intervals) {
    while (start < end) {
      if (!room) {
        all.push([]);
        room = mostMs;
      }
      const stop = Math.min(end, start + room);
      (all.at(-1) as Interval[]).push([start, stop]);
      room -= stop - start;
      start = stop;
    }
  }
  return all;
}

function same(a: Manner, b: Manner): boolean {
  return a.rate === b.rate && a.visible === b.visible && a.flags.join() === b.flags.join();
}
