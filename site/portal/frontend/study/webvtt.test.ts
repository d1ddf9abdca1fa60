import { expect, it } from "vitest";
import { cueAt, parse, tile } from "./webvtt";

const FILE = `\uFEFFWEBVTT

NOTE nothing to read

1
00:00.000 --> 00:02.500
个人服从组织，少数服从多数

00:00:02.500 --> 00:00:05.000 align:center
<v 讲师>下级服从上级</v> &amp; 全党

STYLE
::cue { color: red }

00:09.000 --> 00:07.000
backwards`.replace(/\n/g, "\r\n");

it("reads what is said and when", () => {
  expect(parse(FILE)).toEqual([
    { startS: 0, endS: 2.5, text: "个人服从组织，少数服从多数" },
    { startS: 2.5, endS: 5, text: "下级服从上级 & 全党" },
  ]);
});

it.each([
  [0, 0],
  [2.49, 0],
  [2.5, 1],
  [5, -1],
  [99, -1],
])("at %f s cue %i is spoken", (position, expected) => expect(cueAt(parse(FILE), position)).toBe(expected));

it("finds a tile in a storyboard, relative to its address", () => {
  const cue = { startS: 0, endS: 5, text: "storyboard.jpg#xywh=160,90,160,90" };
  expect(tile(cue, "http://school.test/media/t/a/storyboard.vtt")).toEqual({
    url: "http://school.test/media/t/a/storyboard.jpg",
    x: 160,
    y: 90,
    width: 160,
    height: 90,
  });
  expect(tile({ ...cue, text: "words" }, "http://school.test/")).toBeNull();
});
