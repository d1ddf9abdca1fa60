import { describe, expect, it } from "vitest";
import { goesRound, nearest, straightAhead, swiped, turned, wordOf } from "./viewports";

const ROUND = [0, 45, 90, 135, 180, 225, 270, 315];
const HALF = [315, 0, 45];

describe("turning", () => {
  it.each([
    [0, 1, 1],
    [0, -1, 7],
    [7, 1, 0],
    [3, 8, 3],
    [0, -9, 7],
  ])("round a whole sphere: from %i by %i to %i", (from, steps, to) => {
    expect(turned(from, steps, ROUND)).toBe(to);
  });

  it.each([
    [1, 1, 2],
    [2, 1, 2],
    [1, -5, 0],
  ])("to the edge of half a sphere: from %i by %i to %i", (from, steps, to) => {
    expect(turned(from, steps, HALF)).toBe(to);
  });

  it("stays where there is nothing to turn to", () => expect(turned(0, 1, [])).toBe(0));
});

it("knows a whole round from a part", () => {
  expect(goesRound(ROUND)).toBe(true);
  expect(goesRound(HALF)).toBe(false);
  expect(goesRound([0])).toBe(false);
});

it("begins straight ahead", () => {
  expect(straightAhead(ROUND)).toBe(0);
  expect(straightAhead(HALF)).toBe(1);
});

it.each([
  [350, 0],
  [-30, 7],
  [60, 1],
  [720 + 181, 4],
])("finds the view next to %i°", (yaw, view) => expect(nearest(yaw, ROUND)).toBe(view));

it.each([
  [0, 0],
  [45, 1],
  [180, 4],
  [315, 7],
  [-45, 7],
  [359, 0],
])("names %i° with word %i", (yaw, word) => expect(wordOf(yaw)).toBe(word));

it.each([
  [-60, 5, 1],
  [60, -5, -1],
  [-20, 0, 0],
  [-60, 100, 0],
])("takes a stroke of %i, %i as %i", (dx, dy, turn) => expect(swiped(dx, dy)).toBe(turn));
