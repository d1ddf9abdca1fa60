import { expect, it } from "vitest";
import { TextPlayhead, THERE_FOR_MS } from "./text_playhead";

function opened(fromS = 0, wholeS = 600): { head: TextPlayhead; heard: string[] } {
  const head = new TextPlayhead(fromS, wholeS, 0);
  const heard: string[] = [];
  for (const name of ["playing", "pause"]) head.addEventListener(name, () => heard.push(name));
  return { head, heard };
}

it("runs while the page is seen", () => {
  const { head, heard } = opened(20);
  for (let second = 0; second <= 10; second += 1) head.tick(second * 1000, true);
  expect(head.currentTime).toBe(30);
  expect(heard).toEqual(["playing"]);
});

it("stands while the page is hidden", () => {
  const { head, heard } = opened();
  head.tick(0, true);
  head.tick(1000, false);
  head.tick(9000, false);
  head.tick(10_000, true);
  head.tick(11_000, true);
  expect(head.currentTime).toBe(2);
  expect(heard).toEqual(["playing", "pause", "playing"]);
});

it("stands when nobody was there for five minutes, and goes on with the next touch", () => {
  const { head, heard } = opened(0, 6000);
  for (let ms = 0; ms <= THERE_FOR_MS + 60_000; ms += 1000) head.tick(ms, true);
  expect(head.currentTime).toBe(THERE_FOR_MS / 1000);
  expect(heard).toEqual(["playing", "pause"]);
  head.touch(THERE_FOR_MS + 60_500);
  head.tick(THERE_FOR_MS + 61_000, true);
  head.tick(THERE_FOR_MS + 62_000, true);
  expect(head.currentTime).toBe(THERE_FOR_MS / 1000 + 1);
});

it("claims nothing for the time in which a phone slept", () => {
  const { head } = opened();
  head.tick(0, true);
  head.tick(60_000, true);
  expect(head.currentTime).toBe(2.5);
});

it("ends with the time that the text takes", () => {
  const { head, heard } = opened(598, 600);
  for (let second = 0; second <= 10; second += 1) head.tick(second * 1000, true);
  expect(head.currentTime).toBe(600);
  expect(heard).toEqual(["playing", "pause"]);
});
