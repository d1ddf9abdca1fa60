import { expect, it } from "vitest";
import { toMakeUp } from "./gaps";

const gap = (start_s: number, end_s: number, reason_code: string) => ({
  start_s,
  end_s,
  reason_code,
  reason: "",
  start_label: "",
  end_label: "",
});

it("lists holes and what did not count, not the rest of the lesson", () => {
  const missing = [gap(244, 380, "NOT_PLAYED"), gap(1383, 1492, "TOO_FAST"), gap(2500, 2712, "NOT_PLAYED")];
  expect(toMakeUp(missing, 2712)).toEqual(missing.slice(0, 2));
});

it("lists the end too when it was played and did not count", () => {
  const missing = [gap(2500, 2712, "NOT_VISIBLE")];
  expect(toMakeUp(missing, 2712)).toEqual(missing);
});
