import { expect, it } from "vitest";
import { ceiling, inTheSameCodec, oneOfEachSize, qualities } from "./quality";

const LADDER = [
  { height: 240, bitrate: 250_000 },
  { height: 360, bitrate: 450_000 },
  { height: 480, bitrate: 900_000 },
  { height: 720, bitrate: 2_000_000 },
  { height: 1080, bitrate: 4_000_000 },
];

it("offers the best of each name with its cost", () => {
  expect(qualities(LADDER)).toEqual([
    { name: "smooth", level: 1, megabytesPerMinute: 3.4 },
    { name: "standard", level: 2, megabytesPerMinute: 6.8 },
    { name: "high", level: 4, megabytesPerMinute: 30 },
  ]);
});

it("offers no choice where there is none", () => {
  expect(qualities([{ height: 360, bitrate: 1 }])).toEqual([]);
  expect(qualities(LADDER.slice(0, 2))).toEqual([]);
});

it("judges a sphere by what the eye gets of it", () => {
  const sphere = [
    { height: 960, bitrate: 1 },
    { height: 1440, bitrate: 2 },
    { height: 1920, bitrate: 3 },
  ];
  expect(qualities(sphere, true).map((quality) => quality.name)).toEqual(["smooth", "standard", "high"]);
});

it.each([
  [undefined, null],
  [{ type: "wifi" }, null],
  [{ type: "cellular" }, 2],
  [{ saveData: true }, 2],
])("on %j stays below %s", (connection, expected) => {
  expect(ceiling(LADDER, connection)).toBe(expected);
});

it("still plays on paid data when everything is high", () => {
  expect(ceiling(LADDER.slice(3), { type: "cellular" })).toBe(0);
});

const BOTH = [
  { height: 360, bitrate: 300_000, codec: "av01.0.04M.08" },
  { height: 360, bitrate: 450_000, codec: "avc1.64001e" },
  { height: 720, bitrate: 1_200_000, codec: "av01.0.05M.08" },
  { height: 720, bitrate: 2_000_000, codec: "avc1.64001f" },
];

it("offers a size once where it comes in two codecs", () => {
  expect(oneOfEachSize(BOTH)).toEqual([1, 3]);
  expect(oneOfEachSize(BOTH.slice(0, 1))).toEqual([0]);
  expect(oneOfEachSize(LADDER)).toEqual([0, 1, 2, 3, 4]);
});

it("chooses a size in the codec that plays", () => {
  expect(inTheSameCodec(BOTH, 3, 0)).toBe(2);
  expect(inTheSameCodec(BOTH, 3, 1)).toBe(3);
  expect(inTheSameCodec(BOTH, 3, -1)).toBe(3);
  expect(inTheSameCodec(BOTH.slice(1), 0, 1)).toBe(0);
});
