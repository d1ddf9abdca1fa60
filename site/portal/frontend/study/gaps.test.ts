import { expect, it } from "vitest";
import { askedFor, isTheRest } from "./gaps";

const gap = (start_s: number, end_s: number, reason_code: string) => ({
  start_s,
  end_s,
  reason_code,
  reason: "",
  start_label: "",
  end_label: "",
});

it("tells the rest of the lesson from what is to be made up", () => {
  expect(isTheRest(gap(2500, 2712, "NOT_PLAYED"), 2712)).toBe(true);
  expect(isTheRest(gap(244, 380, "NOT_PLAYED"), 2712)).toBe(false);
  expect(isTheRest(gap(2500, 2712, "NOT_VISIBLE"), 2712)).toBe(false);
  expect(isTheRest(gap(2500, 2712, "NEW_PART"), 2712)).toBe(false);
});

it.each([
  ["?from=244", 244],
  ["?listen=1&from=0", 0],
  ["", null],
  ["?from=", null],
  ["?from=-3", null],
  ["?from=1e3", null],
  ["?from=ten", null],
])("reads %s as %s", (search, second) => {
  expect(askedFor(search)).toBe(second);
});
