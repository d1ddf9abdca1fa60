/**
 * Cuts what was played into beats, each of one manner: one speed, seen or not seen, picture or sound only.
 *
 * Pure: the controller feeds it samples and asks for a cut every `beat_seconds`, on pause, on hiding and at the end.
 */
import { IntervalRecorder, type Interval, type Sample } from "./intervals";

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
  /** AUDIO: only the sound, so the page need not be seen. HEADSET: an immersive session shows it. */
  flags: string[];
}

export class BeatRecorder {
  private recorder = new IntervalRecorder();
  private manner: Manner | null = null;
  private positionMs = 0;
  private ready: BeatBody[] = [];

  /** Notes the running playhead; `wallMs` is the phone's own clock, kept as evidence only. */
  sample(at: Omit<Sample, "rate">, manner: Manner, wallMs: number): void {
    if (this.manner && !same(this.manner, manner)) this.cut(wallMs);
    this.manner = manner;
    this.positionMs = at.positionMs;
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
    const body: BeatBody = {
      intervals,
      position_ms: Math.round(this.positionMs),
      rate,
      visible,
      clock_ms: Math.round(wallMs),
    };
    if (flags.length) body.flags = [...flags];
    this.ready.push(body);
  }
}

function same(a: Manner, b: Manner): boolean {
  return a.rate === b.rate && a.visible === b.visible && a.flags.join() === b.flags.join();
}
