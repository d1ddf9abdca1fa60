import { expect, it } from "vitest";
import { duration, fill, timeline } from "./clock";

it.each([
  [0, "00:00"],
  [244, "04:04"],
  [244.99, "04:04"],
  [2712, "45:12"],
  [3661, "1:01:01"],
  [-3, "00:00"],
])("%f s is %s", (seconds, expected) => expect(timeline(seconds)).toBe(expected));

it("fills a sentence and leaves unknown names alone", () => {
  expect(fill("还有 {n} 段，{x}", { n: 3 })).toBe("还有 3 段，{x}");
});

it.each([
  [2286, "38 分 06 秒"],
  [42, "42 秒"],
])("%i s in words is %s", (seconds, expected) => {
  expect(duration(seconds, { minutes: "{minutes} 分 {seconds} 秒", seconds: "{seconds} 秒" })).toBe(expected);
});
