import { describe, expect, it } from "vitest";
import { IntervalRecorder, length } from "./intervals";

/** Plays from `fromS` to `toS` at a rate, sampled four times a second, beginning at `clockS`. */
function play(recorder: IntervalRecorder, fromS: number, toS: number, clockS = fromS, rate = 1): void {
  for (let t = 0; t <= toS - fromS; t += 0.25 * rate) {
    recorder.sample({ positionMs: (fromS + t) * 1000, clockMs: (clockS + t / rate) * 1000, rate });
  }
}

describe("what was played", () => {
  it("is one interval when nobody interferes", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 15);
    expect(recorder.take()).toEqual([[0, 15000]]);
  });

  it("goes on after it was handed over, without a hole and without an overlap", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 15);
    recorder.take();
    recorder.sample({ positionMs: 15250, clockMs: 15250, rate: 1 });
    recorder.sample({ positionMs: 15500, clockMs: 15500, rate: 1 });
    expect(recorder.take()).toEqual([[15000, 15500]]);
    expect(recorder.take()).toEqual([]);
  });

  it("leaves out what a jump skipped", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 10);
    play(recorder, 500, 505, 10);
    expect(recorder.take()).toEqual([
      [0, 10000],
      [500000, 505000],
    ]);
  });

  it("leaves out what a jump skipped even when nobody announced the jump", () => {
    const recorder = new IntervalRecorder();
    recorder.sample({ positionMs: 0, clockMs: 0, rate: 1 });
    recorder.sample({ positionMs: 250, clockMs: 250, rate: 1 });
    recorder.sample({ positionMs: 3000, clockMs: 500, rate: 1 });
    recorder.sample({ positionMs: 3250, clockMs: 750, rate: 1 });
    expect(recorder.take()).toEqual([
      [0, 300],
      [3000, 3300],
    ]);
  });

  it("keeps both passes of a rewind in the order they were played", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 20);
    recorder.stop();
    play(recorder, 5, 20, 21);
    expect(recorder.take()).toEqual([
      [0, 20000],
      [5000, 20000],
    ]);
  });

  it("believes a late timer: a minute of sound in the background is a minute", () => {
    const recorder = new IntervalRecorder();
    recorder.sample({ positionMs: 0, clockMs: 0, rate: 1 });
    recorder.sample({ positionMs: 60_000, clockMs: 60_100, rate: 1 });
    expect(recorder.take()).toEqual([[0, 60000]]);
  });

  it("does not grow while the picture stalls", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 2);
    for (let clockMs = 2000; clockMs < 40000; clockMs += 250) recorder.sample({ positionMs: 2000, clockMs, rate: 1 });
    expect(length(recorder.take())).toBe(2000);
  });

  it("is told in tenths of a second, and what comes next goes on from the same tenth", () => {
    const recorder = new IntervalRecorder();
    recorder.sample({ positionMs: 12, clockMs: 0, rate: 1 });
    recorder.sample({ positionMs: 15_249.9, clockMs: 15_240, rate: 1 });
    expect(recorder.take()).toEqual([[0, 15_200]]);
    recorder.sample({ positionMs: 30_250.1, clockMs: 30_240, rate: 1 });
    expect(recorder.take()).toEqual([[15_200, 30_300]]);
  });

  it("measures the lecture, not the clock, at another speed", () => {
    const recorder = new IntervalRecorder();
    play(recorder, 0, 15, 0, 1.5);
    expect(recorder.take()).toEqual([[0, 15000]]);
  });

  it("is nothing when the playhead only stood", () => {
    const recorder = new IntervalRecorder();
    recorder.sample({ positionMs: 7000, clockMs: 0, rate: 1 });
    recorder.stop();
    expect(recorder.take()).toEqual([]);
  });
});
