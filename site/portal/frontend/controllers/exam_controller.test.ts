// @vitest-environment happy-dom
import { Application } from "@hotwired/stimulus";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import ExamController from "./exam_controller";

const PAGE = `
<div data-controller="exam" data-exam-left-value="600" data-exam-save-value="/save/"
     data-exam-saved-text-value="saved" data-exam-unsaved-text-value="unsaved" data-exam-soon-text-value="soon"
     data-exam-count-text-value="{n}/{all}">
  <span data-exam-target="clock"></span><span data-exam-target="said"></span><span data-exam-target="count">0/1</span>
  <form data-exam-target="form" data-action="change->exam#answered submit->exam#handIn">
    <input type="hidden" name="csrfmiddlewaretoken" value="c">
    <fieldset data-exam-target="question" data-number="7">
      <input type="hidden" name="was7" value="">
      <input type="checkbox" name="q7" value="A"><input type="checkbox" name="q7" value="B">
    </fieldset>
  </form>
</div>`;

let application: Application;
const sent: string[] = [];
let answer: () => Promise<Response>;

beforeEach(async () => {
  vi.useFakeTimers();
  sent.length = 0;
  answer = () => Promise.resolve(new Response(JSON.stringify({ left_s: 500 }), { status: 200 }));
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    sent.push(String(init.body));
    return answer();
  });
  document.body.innerHTML = PAGE;
  application = Application.start();
  application.register("exam", ExamController);
  await vi.advanceTimersByTimeAsync(10);
});

afterEach(() => {
  application.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function choose(value: string): Promise<void> {
  const box = document.querySelector<HTMLInputElement>(`[name=q7][value="${value}"]`)!;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  await vi.advanceTimersByTimeAsync(10);
}

const said = (): string => document.querySelector("[data-exam-target=said]")!.textContent ?? "";
const clock = (): string => document.querySelector("[data-exam-target=clock]")!.textContent ?? "";

test("an answer is saved as it is given, and the server's time is taken over", async () => {
  expect(clock()).toBe("10:00");
  await choose("A");
  expect(sent).toEqual(["csrfmiddlewaretoken=c&shows=7&q7=A"]);
  expect(said()).toBe("saved");
  await vi.advanceTimersByTimeAsync(1000);
  expect(clock()).toMatch(/^08:(19|20)$/);
});

test("how many questions are answered goes along with the answers", async () => {
  const count = (): string => document.querySelector("[data-exam-target=count]")!.textContent ?? "";
  await choose("A");
  expect(count()).toBe("1/1");
  await choose("A");
  expect(count()).toBe("0/1");
});

test("an answer that was taken back is saved as none", async () => {
  await choose("A");
  await choose("A");
  expect(sent[1]).toBe("csrfmiddlewaretoken=c&shows=7");
});

test("without a connection it says so and tries again", async () => {
  answer = () => Promise.reject(new TypeError("offline"));
  await choose("B");
  expect(said()).toBe("unsaved");
  answer = () => Promise.resolve(new Response(JSON.stringify({ left_s: 500 }), { status: 200 }));
  await vi.advanceTimersByTimeAsync(4100);
  expect(sent).toHaveLength(2);
  expect(sent[1]).toContain("q7=B");
  expect(said()).toBe("saved");
});

test("when the time is up the form hands itself in, once", async () => {
  const submitted = vi.fn((event: Event) => event.preventDefault());
  document.querySelector("form")!.addEventListener("submit", submitted);
  await vi.advanceTimersByTimeAsync(601_000);
  expect(clock()).toBe("00:00");
  expect(submitted).toHaveBeenCalledTimes(1);
});

test("a hand-in says what this page knows to be saved, and of an answer on its way that it does not know", async () => {
  const was = document.querySelector<HTMLInputElement>("[name=was7]")!;
  expect(was.value).toBe("");
  await choose("A");
  await choose("B");
  expect(was.value).toBe("A B");
  answer = () => Promise.reject(new TypeError("offline"));
  await choose("A");
  expect(was.value).toBe("?");
  answer = () => Promise.resolve(new Response(JSON.stringify({ left_s: 500 }), { status: 200 }));
  await vi.advanceTimersByTimeAsync(4100);
  expect(was.value).toBe("B");
});

test("handing in with an open question is asked once more; without one it is not", async () => {
  const confirm = vi.fn(() => false);
  vi.stubGlobal("confirm", confirm);
  const form = document.querySelector("form")!;
  const sentOff = vi.fn((event: Event) => event.preventDefault());
  const first = new Event("submit", { bubbles: true, cancelable: true });
  form.dispatchEvent(first);
  expect(first.defaultPrevented).toBe(true);
  expect(confirm).toHaveBeenCalledTimes(1);
  await choose("A");
  form.addEventListener("submit", sentOff);
  const second = new Event("submit", { bubbles: true, cancelable: true });
  form.dispatchEvent(second);
  expect(confirm).toHaveBeenCalledTimes(1);
  expect(sentOff).toHaveBeenCalledTimes(1);
});
