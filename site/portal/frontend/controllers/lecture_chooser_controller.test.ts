import { Application } from "@hotwired/stimulus";
import { afterEach, expect, test } from "vitest";
import { LectureChooserController } from "./lecture_chooser_controller";

const PAGE = `
  <div data-controller="lecture-chooser" data-lecture-chooser-card-url-value="/admin/lectures/0/card/"
       data-action="lecture-upload:done->lecture-chooser#uploaded change->lecture-chooser#changed">
    <div class="chooser"></div><input type="hidden" value="7">
    <div id="upload"></div><select><option>1</option></select>
    <div data-lecture-chooser-target="card"></div>
  </div>`;

let application: Application;
afterEach(() => application.stop());

async function opened(): Promise<HTMLElement> {
  document.body.innerHTML = PAGE;
  application = Application.start();
  application.register("lecture-chooser", LectureChooserController);
  await new Promise((done) => setTimeout(done));
  return document.querySelector("[data-lecture-chooser-target=card]") as HTMLElement;
}

test("the chosen lecture's card is shown at once, and another one when the choice changes", async () => {
  const card = await opened();
  expect(card.innerHTML).toContain("/admin/lectures/7/card/");
  const input = document.querySelector("input") as HTMLInputElement;
  input.setAttribute("value", "9");
  input.dispatchEvent(new Event("change", { bubbles: true }));
  expect(card.innerHTML).toContain("/admin/lectures/9/card/");
  input.setAttribute("value", "");
  input.dispatchEvent(new Event("change", { bubbles: true }));
  expect(card.innerHTML).toBe("");
});

test("an uploaded file becomes the chooser's choice", async () => {
  const card = await opened();
  const given: unknown[] = [];
  const input = document.querySelector("input") as HTMLInputElement;
  (document.querySelector(".chooser") as HTMLElement & { widget: unknown }).widget = {
    setState: (state: { id: number }) => {
      given.push(state);
      input.setAttribute("value", String(state.id));
    },
  };
  const detail = { asset: 12, title: "录课", card_url: "/admin/lectures/12/card/", edit_url: "/admin/lectures/edit/12/" };
  document
    .getElementById("upload")
    ?.dispatchEvent(new CustomEvent("lecture-upload:done", { detail, bubbles: true }));
  expect(given).toEqual([{ id: 12, title: "录课", edit_url: "/admin/lectures/edit/12/" }]);
  expect(card.innerHTML).toContain("/admin/lectures/12/card/");
});
