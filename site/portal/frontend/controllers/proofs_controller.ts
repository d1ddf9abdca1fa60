/**
 * Photographs that go along with a form, over a bad line: large pictures are made smaller before they are sent, the page
 * shows how much is sent, and when the line breaks nothing is lost: the same button sends once more. What the server
 * refuses stands beside the fields, and the chosen files stay chosen. Without this the form is sent as any other.
 *
 *   <form data-controller="proofs" data-action="submit->proofs#send" enctype="multipart/form-data"
 *         data-proofs-sending-text-value="{share} are sent." data-proofs-failed-text-value="Not sent: … What you wrote is still here. …">
 *     … <input type="file" name="proofs" multiple data-proofs-target="files">
 *     <p role="status" data-proofs-target="said"></p>
 *     <button type="submit" data-proofs-target="button">…</button>
 *   </form>
 *
 * The server answers {"url": "/where/it/goes/on/"} with 201, or the page with its refusals and 422.
 */
import { Controller } from "@hotwired/stimulus";

export const LONGEST_SIDE = 2400;
const SMALL_ENOUGH = 1_500_000;

/** Width and height that fit into LONGEST_SIDE; null when they do already. */
export function fitted(width: number, height: number): [number, number] | null {
  const share = LONGEST_SIDE / Math.max(width, height);
  return share >= 1 ? null : [Math.round(width * share), Math.round(height * share)];
}

export default class ProofsController extends Controller<HTMLFormElement> {
  static override targets = ["files", "said", "button"];
  static override values = { sendingText: String, failedText: String };
  declare readonly filesTarget: HTMLInputElement;
  declare readonly saidTarget: HTMLElement;
  declare readonly buttonTarget: HTMLButtonElement;
  declare readonly sendingTextValue: string;
  declare readonly failedTextValue: string;

  send(event: SubmitEvent): void {
    if (!this.filesTarget.files?.length) return;
    event.preventDefault();
    this.buttonTarget.disabled = true;
    void this.hand();
  }

  private async hand(): Promise<void> {
    const body = new FormData(this.element);
    body.delete(this.filesTarget.name);
    this.say(0);
    for (const file of this.filesTarget.files ?? []) {
      const lighter = await smaller(file);
      body.append(this.filesTarget.name, lighter, lighter === file ? file.name : file.name.replace(/\.\w+$/, ".jpg"));
    }
    const request = new XMLHttpRequest();
    request.open("POST", this.element.action);
    request.setRequestHeader("X-Sent-By", "proofs");
    request.upload.addEventListener("progress", (sent) => {
      if (sent.lengthComputable) this.say(Math.round((100 * sent.loaded) / sent.total));
    });
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.failed());
    request.send(body);
  }

  private say(share: number): void {
    this.saidTarget.textContent = this.sendingTextValue.replace("{share}", `${share}%`);
  }

  private failed(): void {
    this.saidTarget.textContent = this.failedTextValue;
    this.buttonTarget.disabled = false;
  }

  private answered(request: XMLHttpRequest): void {
    if (request.status === 201) {
      window.location.assign((JSON.parse(request.responseText) as { url: string }).url);
    } else if (request.status === 422) {
      this.saidTarget.textContent = "";
      this.buttonTarget.disabled = false;
      this.refuse(new DOMParser().parseFromString(request.responseText, "text/html"));
    } else {
      this.failed();
    }
  }

  /** Puts the refusals of the page that came back beside the fields of this one. */
  private refuse(page: Document): void {
    const main = this.element.parentElement ?? document.body;
    for (const old of main.querySelectorAll(".field__error, .msg--error")) old.remove();
    const whole = page.querySelector("main .msg--error");
    if (whole) this.element.before(whole);
    for (const error of page.querySelectorAll(".field__error")) {
      const name = error.closest(".field")?.querySelector("label")?.htmlFor;
      const field = name ? document.getElementById(name)?.closest(".field") : null;
      field?.append(error);
    }
    (main.querySelector(".msg--error") ?? main.querySelector(".field__error"))?.scrollIntoView({ block: "center" });
  }
}

/** A JPEG of at most LONGEST_SIDE for a large photograph; the file itself when it is small, no picture, or unreadable. */
async function smaller(file: File): Promise<Blob> {
  if (file.size <= SMALL_ENOUGH || !/^image\/(jpeg|png)$/.test(file.type)) return file;
  try {
    const picture = await createImageBitmap(file);
    const size = fitted(picture.width, picture.height) ?? [picture.width, picture.height];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = size;
    canvas.getContext("2d")?.drawImage(picture, 0, 0, ...size);
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    return made && made.size < file.size ? made : file;
  } catch {
    return file;
  }
}
