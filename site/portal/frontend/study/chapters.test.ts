import { expect, it } from "vitest";
import { chapterAt, marks, readChapters } from "./chapters";

const VTT = `WEBVTT

00:00:00.000 --> 00:01:05.500
开场

00:01:05.500 --> 00:10:00.000
第一条 &lt;总则&gt;
`;
const TWO = [
  { startS: 0, title: "开场" },
  { startS: 65.5, title: "第一条 <总则>" },
];

it("reads chapters", () => {
  expect(readChapters(VTT)).toEqual(TWO);
});

it("shows no list of one chapter, nor of what cannot be read", () => {
  expect(readChapters(VTT.slice(0, VTT.indexOf("00:01:05.500 -->")))).toEqual([]);
  expect(readChapters("not found")).toEqual([]);
});

it.each([
  [-1, -1],
  [0, 0],
  [65.4, 0],
  [65.46, 1],
  [900, 1],
])("finds the chapter of second %d", (positionS, index) => {
  expect(chapterAt(TWO, positionS)).toBe(index);
});

it("marks where chapters begin, but not the beginning and the end", () => {
  expect(marks([...TWO, { startS: 599.9, title: "完" }], 600)).toEqual([65.5 / 600]);
  expect(marks(TWO, 0)).toEqual([]);
});
