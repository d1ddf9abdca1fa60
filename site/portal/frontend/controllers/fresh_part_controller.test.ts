import { Application } from "@hotwired/stimulus";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FreshPartController } from "./fresh_part_controller";

const PAGE = `<div data-controller="fresh-part" data-fresh-part-url-value="/part" data-fresh-part-every-value="1000">
  <p>old</p><input><details><summary>Cancel</summary></details></div>`;

let application: Application;
let answers: ReturnType<typeof vi.fn>;

beforeEach(async () => {
  vi.useFakeTimers();
  answers = vi.fn(async () => new Response("<p>new</p>"));
  vi.stubGlobal("fetch", answers);
  document.body.innerHTML = PAGE;
  application = Application.start();
  application.register("fresh-part", FreshPartController);
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  application.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const part = (): Element => document.querySelector("[data-controller]") as Element;

test("the part is asked for again and again", async () => {
  await vi.advanceTimersByTimeAsync(1000);
  expect(part().innerHTML).toBe("<p>new</p>");
  await vi.advanceTimersByTimeAsync(1000);
  expect(answers).toHaveBeenCalledTimes(2);
});

test("what somebody is using is left alone until it is done", async () => {
  const input = document.querySelector("input") as HTMLInputElement;
  input.focus();
  await vi.advanceTimersByTimeAsync(2000);
  expect(answers).not.toHaveBeenCalled();
  input.blur();
  const question = document.querySelector("details") as HTMLDetailsElement;
  question.open = true;
  await vi.advanceTimersByTimeAsync(2000);
  expect(answers).not.toHaveBeenCalled();
  question.open = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(part().textContent).toBe("new");
});

test("who may not see it any more is not asked for ever", async () => {
  answers.mockResolvedValue(new Response("", { status: 403 }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(answers).toHaveBeenCalledTimes(1);
  expect(part().textContent).toContain("old");
});
