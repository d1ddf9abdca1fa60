import { expect, test } from "vitest";
import { fill, inMegabytes, message, unfit } from "./upload_controller";

test("a text keeps what it has no value for", () => {
  expect(fill("已传 {done}，共 {total}", { done: "412 MB", total: "980 MB" })).toBe("已传 412 MB，共 980 MB");
  expect(fill("{done} {other}", { done: "1" })).toBe("1 {other}");
});

test.each([
  [0, "0.0 MB"],
  [9_940_000, "9.9 MB"],
  [412_000_000, "412 MB"],
  [1_860_000_000, "1.86 GB"],
])("%d bytes are %s", (bytes, said) => expect(inMegabytes(bytes)).toBe(said));

test("the server's sentence is taken from its answer, and nothing from a proxy's page", () => {
  expect(message('{"code":"NO_ROOM","message":"磁盘空间不足。"}')).toBe("磁盘空间不足。");
  expect(message("<html>502</html>")).toBe("");
  expect(message(undefined)).toBe("");
});

test.each([
  ["讲稿.DOCX", 10, "kind"],
  ["录课.mp4", 10, ""],
  ["录课.mp4", 101, "size"],
  ["没有扩展名", 10, ""],
] as const)("%s of %d bytes: %s", (name, size, said) => expect(unfit({ name, size }, 100, ".docx .pdf")).toBe(said));
