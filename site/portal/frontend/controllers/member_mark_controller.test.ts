import { Application } from "@hotwired/stimulus";
import { afterEach, expect, test, vi } from "vitest";
import MemberMarkController, { nextPlace } from "./member_mark_controller";

const STAGE = { width: 640, height: 360 };
const MARK = { width: 200, height: 16 };

test("the mark stays inside the picture, above the controls", () => {
  for (let trial = 0; trial <= 200; trial += 1) {
    const { left, top } = nextPlace(STAGE, MARK, [], () => trial / 200);
    expect(left).toBeGreaterThanOrEqual(8);
    expect(left + MARK.width).toBeLessThanOrEqual(STAGE.width);
    expect(top + MARK.height).toBeLessThanOrEqual(STAGE.height * 0.66);
  }
});

test("it keeps off what is shown there, and off as much as it can when nothing is free", () => {
  const taken = { left: 0, top: 0, width: 640, height: 120 };
  const free = [0.5, 0.1, 0.5, 0.9];
  expect(nextPlace(STAGE, MARK, [taken], () => free.shift() ?? 0.9).top).toBeGreaterThan(120);
  const all = { left: 0, top: 0, width: 640, height: 360 };
  expect(nextPlace(STAGE, MARK, [all]).left).toBeGreaterThanOrEqual(8);
});

test("a picture smaller than the mark does not break it", () => {
  expect(nextPlace({ width: 100, height: 10 }, MARK, [], () => 1)).toEqual({ left: 8, top: 8 });
});

let application: Application | undefined;
afterEach(() => {
  application?.stop();
  vi.useRealTimers();
});

async function opened(text: string): Promise<HTMLElement> {
  document.body.innerHTML = `<div data-controller="member-mark" data-member-mark-text-value="${text}"><video></video></div>`;
  application = Application.start();
  application.register("member-mark", MemberMarkController);
  await new Promise((done) => setTimeout(done));
  return document.querySelector("[data-controller]") as HTMLElement;
}
const marks = (stage: HTMLElement) => stage.querySelectorAll<HTMLElement>(".player__mark");
const settled = () => new Promise((done) => setTimeout(done, 5));

test("it says the name, to eyes only", async () => {
  const stage = await opened("周敏 第一支部");
  const [mark] = marks(stage);
  expect(mark?.textContent).toBe("周敏 第一支部");
  expect(mark?.getAttribute("aria-hidden")).toBe("true");
});

test("taken away, emptied or hidden it comes back, once", async () => {
  const stage = await opened("周敏");
  marks(stage)[0]?.remove();
  await settled();
  expect(marks(stage)).toHaveLength(1);
  const mark = marks(stage)[0] as HTMLElement;
  mark.style.display = "none";
  mark.setAttribute("hidden", "");
  await settled();
  expect(mark.style.display).toBe("");
  expect(mark.hasAttribute("hidden")).toBe(false);
  mark.textContent = "";
  await settled();
  expect(marks(stage)).toHaveLength(1);
  expect(marks(stage)[0]?.textContent).toBe("周敏");
});

test("without a name there is no mark, and none is left behind", async () => {
  expect(marks(await opened(""))).toHaveLength(0);
  application?.stop();
  const stage = await opened("周敏");
  stage.removeAttribute("data-controller");
  await settled();
  expect(marks(stage)).toHaveLength(0);
});
