import { expect, it } from "vitest";
import { fill, hoursText, lengthInWords, timeline } from "./clock";

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
  [2286, "38 分 6 秒"],
  [42, "42 秒"],
  [120, "2 分"],
  [3725, "1 小时 2 分"],
  [0, "0 秒"],
])("%i s in words is %s", (seconds, expected) => {
  expect(lengthInWords(seconds, { hours: "{n} 小时", minutes: "{n} 分", seconds: "{n} 秒" })).toBe(expected);
});

it.each([
  [2, "2"],
  [1.5, "1.5"],
  [0.25, "0.25"],
])("%f study hours are written %s", (hours, expected) => expect(hoursText(hours)).toBe(expected));
