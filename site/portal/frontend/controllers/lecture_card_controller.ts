/**
 * Keeps one lecture's card fresh while its file is on the way: asks for the card again every two
 * seconds until the server says that it is final (X-Final: 1). The words come from the server.
 *
 *   <div data-controller="lecture-card" data-lecture-card-url-value="/admin/lectures/7/card/">
 *     …the card as the server rendered it, or nothing yet…
 *   </div>
 */
import { Controller } from "@hotwired/stimulus";

const EVERY_MS = 2000;
const AFTER_A_FAILURE_MS = 6000;

export class LectureCardController extends Controller<HTMLElement> {
  static override values = { url: String };
  declare readonly urlValue: string;
  private timer = 0;
  private asked: AbortController | null = null;

  override connect(): void {
    this.askIn(this.element.childElementCount ? EVERY_MS : 0);
  }

  override disconnect(): void {
    window.clearTimeout(this.timer);
    this.asked?.abort();
  }

  private askIn(milliseconds: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(), milliseconds);
  }

  private async ask(): Promise<void> {
    if (document.hidden || this.beingUsed) return this.askIn(EVERY_MS);
    this.asked = new AbortController();
    try {
      const answer = await fetch(this.urlValue, { signal: this.asked.signal, credentials: "same-origin" });
      if (answer.status === 404 || answer.status === 403) return;
      if (!answer.ok) return this.askIn(AFTER_A_FAILURE_MS);
      const card = await answer.text();
      if (this.beingUsed) return this.askIn(EVERY_MS);
      if (card !== this.shown) this.element.innerHTML = card;
      this.shown = card;
      if (answer.headers.get("X-Final") === "1") {
        this.dispatch("final", { detail: { playable: answer.headers.get("X-Playable") === "1" } });
      } else {
        this.askIn(EVERY_MS);
      }
    } catch (error) {
      if ((error as Error).name !== "AbortError") this.askIn(AFTER_A_FAILURE_MS);
    }
  }

  private shown = "";

  /** An open question («cancel?») is not pulled away from under the pointer. */
  private get beingUsed(): boolean {
    return this.element.querySelector("details[open]") !== null;
  }
}
