import { expect, it } from "vitest";
import { heldSpeed, speeds } from "./speeds";

it.each([
  [1, [0.75, 1]],
  [1.5, [0.75, 1, 1.25, 1.5]],
  [2, [0.75, 1, 1.25, 1.5, 2]],
  [0, [0.75, 1]],
])("cap %f offers %j", (cap, expected) => expect(speeds(cap)).toEqual(expected));

it.each([
  [16, 1, 1],
  [2, 2, 2],
  [0.75, 1, 0.75],
])("a wish for %f under cap %f becomes %f", (wish, cap, expected) => expect(heldSpeed(wish, cap)).toBe(expected));
