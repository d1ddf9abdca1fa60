import { expect, it } from "vitest";
import { backoffMs, retryAfterMs } from "./retry";

it.each([
  [1, 0, 1_000],
  [1, 1, 2_000],
  [2, 1, 4_000],
  [5, 1, 32_000],
  [9, 1, 300_000],
  [50, 1, 300_000],
  [50, 0, 150_000],
])("after %i failures and chance %f waits %i ms", (failures, chance, expected) => {
  expect(backoffMs(failures, chance)).toBe(expected);
});

it.each([
  ["30", 30_000],
  ["Mon, 23 Nov 2026 00:00:10 GMT", 10_000],
  ["Sun, 22 Nov 2026 00:00:00 GMT", 0],
  ["soon", null],
  [null, null],
])("reads Retry-After %s as %s", (header, expected) => {
  expect(retryAfterMs(header, Date.parse("2026-11-23T00:00:00Z"))).toBe(expected);
});
