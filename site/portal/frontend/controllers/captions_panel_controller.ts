/**
 * 字幕 on a lecture's page: while speech to text waits or runs, its line stays fresh; when it has ended the page is
 * loaded again, unless somebody is filling in a form here.
 *
 *   <section data-controller="captions-panel" data-captions-panel-url-value="/admin/lectures/7/captions/">
 *     <div data-captions-panel-target="status" data-under-way> … </div>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";

const EVERY_MS = 3000;

export class CaptionsPanelController extends Controller<HTMLElement> {
  static override targets = ["status"];
  static override values = { url: String };
  declare readonly statusTarget: HTMLElement;
  declare readonly urlValue: string;
  private timer = 0;

  override connect(): void {
    if (this.statusTarget.dataset["underWay"]) this.askLater();
  }

  override disconnect(): void {
    window.clearTimeout(this.timer);
  }

  private askLater(): void {
    this.timer = window.setTimeout(() => void this.ask(), EVERY_MS);
  }

  private async ask(): Promise<void> {
    if (document.hidden) return this.askLater();
    try {
      const answer = await fetch(this.urlValue, { credentials: "same-origin" });
      if (answer.status === 403 || answer.status === 404) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-captions-panel-target=status]");
      if (fresh && !this.statusTarget.contains(document.activeElement)) this.statusTarget.innerHTML = fresh.innerHTML;
      if (answer.headers.get("X-Final") === "1" && !this.busy) return location.reload();
    } catch (error) {
      console.debug("speech to text: no answer", error);
    }
    this.askLater();
  }

  private get busy(): boolean {
    const chosen = [...this.element.querySelectorAll<HTMLInputElement>("input[type=file]")].some((one) => one.value);
    return chosen || this.element.contains(document.activeElement);
  }
}
