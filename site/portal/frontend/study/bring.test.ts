import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { bring } from "./bring";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function comesAfter(failures: number): () => Promise<string> {
  let asked = 0;
  return () => {
    asked += 1;
    return asked > failures ? Promise.resolve("the lesson") : Promise.reject(new TypeError("Failed to fetch"));
  };
}

it("asks again until it comes, later each time", async () => {
  const load = vi.fn(comesAfter(2));
  const coming = bring(load);
  await vi.advanceTimersByTimeAsync(0);
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(load).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await coming).toBe("the lesson");
  expect(load).toHaveBeenCalledTimes(3);
});

it("asks at once when there is a network again, and leaves nothing behind", async () => {
  const load = vi.fn(comesAfter(1));
  const coming = bring(load);
  await vi.advanceTimersByTimeAsync(0);
  window.dispatchEvent(new Event("online"));
  expect(await coming).toBe("the lesson");
  expect(vi.getTimerCount()).toBe(0);
  window.dispatchEvent(new Event("online"));
  expect(load).toHaveBeenCalledTimes(2);
});

it("is quick again after a network came that could not be used yet", async () => {
  const load = vi.fn(comesAfter(7));
  const coming = bring(load);
  await vi.advanceTimersByTimeAsync(2_000 + 4_000 + 8_000 + 16_000 + 32_000);
  expect(load).toHaveBeenCalledTimes(6);
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await coming).toBe("the lesson");
});
