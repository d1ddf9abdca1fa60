import { describe, expect, it } from "vitest";
import { land, leadBack, pushed, type SeekRule } from "./frontier";

const FIRST: SeekRule = { free: false, frontierS: 120, durationS: 600 };

describe("jumping", () => {
  it.each([
    ["back is free", 30, FIRST, { positionS: 30, held: false }],
    ["to the frontier is free", 120, FIRST, { positionS: 120, held: false }],
    ["beyond it stops there", 500, FIRST, { positionS: 120, held: true }],
    ["anywhere after completion", 500, { ...FIRST, free: true }, { positionS: 500, held: false }],
    ["never before the beginning", -9, FIRST, { positionS: 0, held: false }],
    ["never behind the end", 999, { ...FIRST, free: true }, { positionS: 600, held: false }],
  ])("%s", (_, wish, rule, expected) => expect(land(wish as number, rule as SeekRule)).toEqual(expected));
});

describe("the frontier", () => {
  it("moves with playing that touches it", () => expect(pushed(FIRST, 119, 121)).toBe(121));
  it("stays while an earlier part is watched again", () => expect(pushed(FIRST, 20, 40)).toBe(120));
  it("stays when playing begins beyond it", () => expect(pushed(FIRST, 200, 210)).toBe(120));
});

describe("leading back", () => {
  it("to the archive's frontier when the last beat did not count", () => expect(leadBack(45, 46, 15, false)).toBe(15));
  it("not within the tolerance", () => expect(leadBack(17, 18, 15, false)).toBeNull());
  it("not when an earlier part is being watched", () => expect(leadBack(45, 5, 15, false)).toBeNull());
  it("not after completion", () => expect(leadBack(45, 46, 15, true)).toBeNull());
});
