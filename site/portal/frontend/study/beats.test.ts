import { expect, it } from "vitest";
import { BeatRecorder, type Manner } from "./beats";

const SEEN: Manner = { rate: 1, visible: true, flags: [] };

function run(recorder: BeatRecorder, fromS: number, toS: number, manner: Manner): void {
  for (let s = fromS; s <= toS; s += 0.5) recorder.sample({ positionMs: s * 1000, clockMs: s * 1000 }, manner, s * 1000);
}

it("makes one beat of fifteen seconds", () => {
  const recorder = new BeatRecorder();
  run(recorder, 0, 15, SEEN);
  expect(recorder.take(98_987)).toEqual([
    { intervals: [[0, 15000]], position_ms: 15000, rate: 1, visible: true, clock_ms: 99_000 },
  ]);
});

it("parts what was seen from what was not, and sound from picture", () => {
  const recorder = new BeatRecorder();
  run(recorder, 0, 5, SEEN);
  run(recorder, 5, 8, { ...SEEN, visible: false });
  run(recorder, 8, 9, { ...SEEN, visible: false, flags: ["audio"] });
  expect(recorder.take(0).map(({ intervals, visible, flags }) => ({ intervals, visible, flags }))).toEqual([
    { intervals: [[0, 5000]], visible: true, flags: undefined },
    { intervals: [[5000, 8000]], visible: false, flags: undefined },
    { intervals: [[8000, 9000]], visible: false, flags: ["audio"] },
  ]);
});

it("tells the speed of each stretch apart", () => {
  const recorder = new BeatRecorder();
  run(recorder, 0, 4, SEEN);
  run(recorder, 4, 6, { ...SEEN, rate: 1.5 });
  expect(recorder.take(0).map((beat) => [beat.rate, beat.intervals])).toEqual([
    [1, [[0, 4000]]],
    [1.5, [[4000, 6000]]],
  ]);
});

it("makes no beat of standing still", () => {
  const recorder = new BeatRecorder();
  recorder.sample({ positionMs: 0, clockMs: 0 }, SEEN, 0);
  recorder.stop();
  expect(recorder.take(0)).toEqual([]);
});

it("hands in a minute of sound from the background as beats of twenty seconds, each with its own time", () => {
  const recorder = new BeatRecorder();
  const listening = { rate: 1, visible: false, flags: ["audio"] };
  recorder.sample({ positionMs: 0, clockMs: 0 }, listening, 100_000);
  recorder.sample({ positionMs: 50_000, clockMs: 50_000 }, listening, 150_000);
  expect(recorder.take(150_000).map((beat) => [beat.intervals, beat.position_ms, beat.clock_ms])).toEqual([
    [[[0, 20_000]], 20_000, 120_000],
    [[[20_000, 40_000]], 40_000, 140_000],
    [[[40_000, 50_000]], 50_000, 150_000],
  ]);
});
