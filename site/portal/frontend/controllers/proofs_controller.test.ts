// @vitest-environment happy-dom
import { Application } from "@hotwired/stimulus";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import ProofsController, { fitted } from "./proofs_controller";

const PAGE = `
<main><form data-controller="proofs" data-action="submit->proofs#send" action="/claims/new/"
     data-proofs-sending-text-value="{share} sent" data-proofs-failed-text-value="not sent">
  <div class="field"><label for="id_title">t</label><input id="id_title" name="title" value="lecture"></div>
  <input type="file" name="proofs" data-proofs-target="files">
  <p data-proofs-target="said"></p><button type="submit" data-proofs-target="button">go</button>
</form></main>`;

class Line {
  static last: Line;
  status = 0;
  responseText = "";
  body: FormData | null = null;
  readonly upload = new EventTarget();
  private readonly heard = new EventTarget();
  constructor() {
    Line.last = this;
  }
  open(): void {}
  setRequestHeader(): void {}
  addEventListener(name: string, listener: () => void): void {
    this.heard.addEventListener(name, listener);
  }
  send(body: FormData): void {
    this.body = body;
  }
  ends(name: string, status = 0, text = ""): void {
    [this.status, this.responseText] = [status, text];
    this.heard.dispatchEvent(new Event(name));
  }
}

let application: Application;
const button = (): HTMLButtonElement => document.querySelector("button")!;
const said = (): string => document.querySelector("[data-proofs-target=said]")!.textContent ?? "";

beforeEach(async () => {
  vi.stubGlobal("XMLHttpRequest", Line);
  document.body.innerHTML = PAGE;
  application = Application.start();
  application.register("proofs", ProofsController);
  await new Promise((done) => setTimeout(done, 10));
});

afterEach(() => {
  application.stop();
  vi.unstubAllGlobals();
});

async function submit(...files: File[]): Promise<Event> {
  const input = document.querySelector<HTMLInputElement>("[name=proofs]")!;
  Object.defineProperty(input, "files", { configurable: true, value: files });
  const event = new Event("submit", { cancelable: true, bubbles: true });
  document.querySelector("form")!.dispatchEvent(event);
  await new Promise((done) => setTimeout(done, 10));
  return event;
}

const sheet = new File(["x".repeat(10)], "sheet.jpg", { type: "image/jpeg" });

test("a photograph is made as small as its words stay legible", () => {
  expect(fitted(4032, 3024)).toEqual([2400, 1800]);
  expect(fitted(1200, 2400)).toBeNull();
});

test("without a file the form goes its usual way", async () => {
  expect((await submit()).defaultPrevented).toBe(false);
});

test("what is sent is shown, and the button rests meanwhile", async () => {
  expect((await submit(sheet)).defaultPrevented).toBe(true);
  expect(button().disabled).toBe(true);
  const sent = Object.assign(new Event("progress"), { lengthComputable: true, loaded: 3, total: 4 });
  Line.last.upload.dispatchEvent(sent);
  expect(said()).toBe("75% sent");
  expect(Line.last.body!.get("title")).toBe("lecture");
  expect((Line.last.body!.getAll("proofs") as File[]).map((file) => file.name)).toEqual(["sheet.jpg"]);
});

test("when the line breaks nothing is lost and the button works again", async () => {
  await submit(sheet);
  Line.last.ends("error");
  expect([said(), button().disabled]).toEqual(["not sent", false]);
  expect(document.querySelector<HTMLInputElement>("#id_title")!.value).toBe("lecture");
});

test("a refusal stands beside its field, once", async () => {
  const refused = `<main><p class="msg msg--error">no</p><div class="field"><label for="id_title">t</label>
    <p class="field__error">needed</p></div></main>`;
  for (const _time of [1, 2]) {
    await submit(sheet);
    Line.last.ends("load", 422, refused);
  }
  expect(document.querySelectorAll(".msg--error").length).toBe(1);
  expect(document.querySelector("#id_title")!.closest(".field")!.querySelectorAll(".field__error").length).toBe(1);
  expect(button().disabled).toBe(false);
});
