import { Application } from "@hotwired/stimulus";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import SuggestController from "./suggest_controller";

const TITLES = [
  { title: "党费怎么算", kind: "lesson", kind_label: "课", url: "/courses/a/1/" },
  { title: "<b>党费</b>收缴", kind: "policy", kind_label: "政策", url: "/policy/2/" },
];

let application: Application | undefined;
let asked: string[];

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answering(async () => TITLES);
});

afterEach(() => {
  application?.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function answering(answer: (address: string, signal: AbortSignal) => Promise<unknown>, status = 200): void {
  vi.stubGlobal(
    "fetch",
    vi.fn(async (address: string, options: { signal: AbortSignal }) => {
      asked.push(decodeURIComponent(address));
      const suggestions = await answer(address, options.signal);
      return { ok: status === 200, status, json: async () => ({ suggestions }) };
    }),
  );
}

async function opened(): Promise<HTMLInputElement> {
  document.body.innerHTML = `
    <form data-controller="suggest" data-suggest-url-value="/s" data-suggest-label-value="标题" data-suggest-found-value="{n} 个标题">
      <input id="q" name="q" data-suggest-target="input"></form>`;
  application = Application.start();
  application.register("suggest", SuggestController);
  await vi.advanceTimersByTimeAsync(1);
  const input = document.querySelector("input") as HTMLInputElement;
  input.focus();
  return input;
}

async function type(input: HTMLInputElement, text: string): Promise<void> {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.advanceTimersByTimeAsync(200);
}

const press = (input: HTMLInputElement, key: string) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  input.dispatchEvent(event);
  return event;
};
const list = () => document.querySelector("[role=listbox]") as HTMLElement;
const options = () => [...document.querySelectorAll<HTMLElement>("[role=option]")];
const chosen = () => options().findIndex((one) => one.getAttribute("aria-selected") === "true");

test("what is typed is asked once, after a pause, and titles are shown as text", async () => {
  const input = await opened();
  input.value = "党";
  input.dispatchEvent(new Event("input"));
  await type(input, "党费");
  expect(asked).toEqual(["/s?q=党费"]);
  expect(options().map((one) => one.textContent)).toEqual(["党费怎么算课", "<b>党费</b>收缴政策"]);
  expect(document.querySelector("[role=option] b")).toBeNull();
  expect(input.getAttribute("aria-expanded")).toBe("true");
  expect(input.getAttribute("aria-controls")).toBe(list().id);
  expect(document.querySelector("[role=status]")?.textContent).toBe("2 个标题");
});

test("arrows walk through the list and back into the field, Enter opens, Escape closes", async () => {
  const input = await opened();
  const assign = vi.fn();
  vi.stubGlobal("location", { assign });
  await type(input, "党费");
  expect(press(input, "Enter").defaultPrevented).toBe(false);
  press(input, "ArrowDown");
  expect(chosen()).toBe(0);
  expect(input.getAttribute("aria-activedescendant")).toBe(options()[0]?.id);
  press(input, "ArrowDown");
  press(input, "ArrowDown");
  expect(chosen()).toBe(-1);
  expect(input.hasAttribute("aria-activedescendant")).toBe(false);
  press(input, "ArrowUp");
  expect(chosen()).toBe(1);
  expect(press(input, "Enter").defaultPrevented).toBe(true);
  expect(assign).toHaveBeenCalledWith("/policy/2/");
  expect(press(input, "Escape").defaultPrevented).toBe(true);
  expect(list().hidden).toBe(true);
  expect(press(input, "Escape").defaultPrevented).toBe(false);
});

test("an answer that was overtaken is not shown, and a known one is not asked again", async () => {
  const input = await opened();
  let release: (titles: unknown) => void = () => undefined;
  answering((address) =>
    address.endsWith(encodeURIComponent("党费")) ? new Promise((done) => (release = done)) : Promise.resolve([TITLES[1]]),
  );
  await type(input, "党费");
  await type(input, "党费收");
  expect(options()).toHaveLength(1);
  release(TITLES);
  await vi.advanceTimersByTimeAsync(10);
  expect(options()).toHaveLength(1);
  await type(input, "党");
  expect(list().hidden).toBe(true);
  await type(input, "党费收");
  expect(asked.filter((one) => one.endsWith("党费收"))).toHaveLength(1);
  expect(options()).toHaveLength(1);
});

test("while an input method composes nothing is asked", async () => {
  const input = await opened();
  input.dispatchEvent(new CompositionEvent("compositionstart"));
  await type(input, "dang'fei");
  expect(asked).toEqual([]);
  input.value = "党费";
  input.dispatchEvent(new CompositionEvent("compositionend"));
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toEqual(["/s?q=党费"]);
});

test("a slow or broken answer is passed over in silence, for a while", async () => {
  const input = await opened();
  answering((_address, signal) => new Promise((_done, fail) => signal.addEventListener("abort", () => fail(new Error("aborted")))));
  await type(input, "党费");
  await vi.advanceTimersByTimeAsync(4100);
  expect(list().hidden).toBe(true);
  answering(async () => TITLES);
  await type(input, "党课");
  expect(asked.filter((one) => one.endsWith("党课"))).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(20_000);
  await type(input, "党员");
  expect(options()).toHaveLength(2);
  answering(async () => TITLES, 503);
  await type(input, "支部");
  expect(list().hidden).toBe(true);
});

test("leaving the field closes the list; a click on a title opens it", async () => {
  const input = await opened();
  const assign = vi.fn();
  vi.stubGlobal("location", { assign });
  await type(input, "党费");
  options()[0]?.querySelector("span")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(assign).toHaveBeenCalledWith("/courses/a/1/");
  input.dispatchEvent(new Event("blur"));
  expect(list().hidden).toBe(true);
});

test("taken away, it leaves the field as it was", async () => {
  const input = await opened();
  application?.unload("suggest");
  expect(list()).toBeNull();
  expect(input.hasAttribute("role")).toBe(false);
});
