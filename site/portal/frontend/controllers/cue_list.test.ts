import { describe, expect, test } from "vitest";
import * as list from "./cue_list";
import { History, type Cue } from "./cue_list";

function row(...cues: [number, number, string][]): Cue[] {
  return list.received(cues.map(([begin, end, text]) => [begin, end, text, ""]));
}

const shape = (cues: Cue[]) => cues.map((cue) => [cue.beginMs, cue.endMs, cue.text]);

describe("times", () => {
  test.each([
    [0, "00:00.0"], [61_500, "01:01.5"], [61_050, "01:01.050"], [3_661_000, "1:01:01.0"],
  ])("%i is shown as %s and read back", (ms, text) => {
    expect(list.showTime(ms)).toBe(text);
    expect(list.readTime(text)).toBe(ms);
  });
  test.each([["1：01，5", 61_500], ["61.5", 61_500], ["90:00", 5_400_000], ["1:02:03", 3_723_000], ["", null], ["甲", null], ["1:2:3:4", null]])(
    "%s is read", (text, ms) => expect(list.readTime(text as string)).toBe(ms));
});

describe("changing", () => {
  test("splits at the cursor, the time in proportion, or where the lecture stands", () => {
    const cues = row([0, 4000, "同志们好"]);
    expect(shape(list.split(cues, 0, 3, -1))).toEqual([[0, 3000, "同志们"], [3000, 4000, "好"]]);
    expect(shape(list.split(cues, 0, 0, 1500))).toEqual([[0, 1500, "同志"], [1500, 4000, "们好"]]);
    expect(list.split(row([0, 150, "短"]), 0, 0, -1)).toHaveLength(1);
  });
  test("joins with the next, and words of letters stay apart", () => {
    expect(shape(list.merge(row([0, 1000, "民主"], [1200, 2000, "集中"]), 0))).toEqual([[0, 2000, "民主集中"]]);
    expect(list.merge(row([0, 1, "good"], [1, 2, "day"]), 0)[0]?.text).toBe("good day");
    const one = row([0, 1, "末"]);
    expect(list.merge(one, 0)).toBe(one);
  });
  test("adds in the gap and takes away", () => {
    const cues = row([0, 1000, "一"], [1500, 2000, "二"]);
    expect(shape(list.insertAfter(cues, 0, 9000))[1]).toEqual([1000, 1500, ""]);
    expect(shape(list.insertAfter(cues, 1, 9000))[2]).toEqual([2000, 4000, ""]);
    expect(shape(list.insertAfter([], -1, 500))).toEqual([[0, 500, ""]]);
    expect(shape(list.without(cues, 0))).toEqual([[1500, 2000, "二"]]);
  });
  test("a new one begins where the lecture stands, or after what is heard there", () => {
    const cues = row([0, 1000, "一"], [8000, 9000, "二"]);
    const added = (now: number) => {
      const [next, at] = list.insertAt(cues, now, 20_000);
      return [at, ...(shape(next)[at] as [number, number, string])];
    };
    expect(added(4000)).toEqual([1, 4000, 6000, ""]);
    expect(added(7000)).toEqual([1, 7000, 8000, ""]);
    expect(added(500)).toEqual([1, 1000, 3000, ""]);
    expect(added(15_000)).toEqual([2, 15_000, 17_000, ""]);
    expect(list.insertAt([], 3000, 0)[0]).toMatchObject([{ beginMs: 3000, endMs: 5000 }]);
  });
  test("an end never passes the other, nor the lecture", () => {
    const cues = row([1000, 2000, "一"]);
    expect(shape(list.withTime(cues, 0, "begin", 2500, 9000))).toEqual([[2500, 2600, "一"]]);
    expect(shape(list.withTime(cues, 0, "end", 500, 9000))).toEqual([[400, 500, "一"]]);
    expect(shape(list.withTime(cues, 0, "begin", -100, 9000))).toEqual([[0, 2000, "一"]]);
    expect(shape(list.withTime(cues, 0, "end", 99_000, 9000))).toEqual([[1000, 9000, "一"]]);
  });
});

test("warnings say what readers would stumble over", () => {
  const cues = row([0, 2000, "一"], [1000, 1200, "二"], [500, 1500, " "], [9000, 11_000, "这一句话实在太长了".repeat(5)]);
  expect(cues.map((_cue, at) => list.warnings(cues, at, 10_000))).toEqual([
    ["overlap"], ["order", "short"], ["empty"], ["long", "fast", "beyond"],
  ]);
});

test("the caption under the playhead is the last that has begun", () => {
  const cues = row([0, 3000, "一"], [2000, 4000, "二"], [5000, 6000, "三"]);
  expect([0, 2500, 3500, 4500, 5999, 6000].map((ms) => list.cueAt(cues, ms))).toEqual([0, 1, 1, -1, 2, -1]);
});

test("finds and replaces, also what replaces itself", () => {
  const cues = row([0, 1, "党张党张"], [1, 2, "VR 和 vr"]);
  expect(list.find(cues, "党张")).toEqual([{ at: 0, place: 0 }, { at: 0, place: 2 }]);
  expect(list.find(cues, "vr")).toHaveLength(2);
  expect(list.find(cues, "")).toEqual([]);
  expect(list.replaceAll(cues, "党张", "党张章")[0]?.text).toBe("党张章党张章");
  expect(list.replaceOne(cues, { at: 0, place: 2 }, "党张", "党章")[0]?.text).toBe("党张党章");
});

test("only the rows that can be seen are drawn, also of two thousand", () => {
  expect(list.inWindow(0, 600, 100, 2000)).toEqual([0, 10]);
  expect(list.inWindow(100_000, 600, 100, 2000)).toEqual([996, 1010]);
  expect(list.inWindow(199_900, 600, 100, 2000)).toEqual([1995, 2000]);
  expect(list.inWindow(500, 600, 100, 0)).toEqual([0, 0]);
});

test("typing in one caption is one step back", () => {
  const history = new History(row([0, 1, ""], [1, 2, "二"]));
  history.to(list.withText(history.now, 0, "一"), "text 1");
  history.to(list.withText(history.now, 0, "一一"), "text 1");
  history.to(list.without(history.now, 1));
  expect(history.to(history.now)).toBe(false);
  history.undo();
  expect(history.now).toHaveLength(2);
  history.undo();
  expect(history.now[0]?.text).toBe("");
  expect(history.undo()).toBe(false);
  history.redo();
  history.redo();
  expect(shape(history.now)).toEqual([[0, 1, "一一"]]);
  expect(history.redoable).toBe(false);
});

test("a draft is offered only when it is whole and differs", () => {
  const server: list.Sent[] = [[0, 1000, "一", ""]];
  const kept = (cues: unknown) => JSON.stringify({ revision: 2, at: 5, cues });
  expect(list.readDraft(kept([[0, 1000, "改", ""]]), server)?.revision).toBe(2);
  expect(list.readDraft(kept(server), server)).toBeNull();
  expect(list.readDraft(kept([["x"]]), server)).toBeNull();
  expect(list.readDraft("{", server)).toBeNull();
  expect(list.readDraft(null, server)).toBeNull();
});
