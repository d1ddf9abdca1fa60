/**
 * Keeps a part of a page fresh while somebody looks at it: asks the server for it again and again and
 * puts in what has changed. It waits while the page is hidden, and while something in it is being
 * used: a field has the focus, or a question (<details>) is open.
 *
 *   <div data-controller="fresh-part" data-fresh-part-url-value="/admin/media/queue/?part=1"
 *        data-fresh-part-every-value="3000">
 *     …the part as the server rendered it…
 *   </div>
 */
import { Controller } from "@hotwired/stimulus";

export class FreshPartController extends Controller<HTMLElement> {
  static override values = { url: String, every: { type: Number, default: 3000 } };
  declare readonly urlValue: string;
  declare readonly everyValue: number;
  private timer = 0;
  private asked: AbortController | null = null;
  private shown = "";

  override connect(): void {
    this.wait(this.everyValue);
  }

  override disconnect(): void {
    window.clearTimeout(this.timer);
    this.asked?.abort();
  }

  private wait(milliseconds: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(), milliseconds);
  }

  private get inUse(): boolean {
    const focused = document.activeElement;
    const typing = focused !== null && focused !== document.body && this.element.contains(focused);
    return typing || this.element.querySelector("details[open]") !== null;
  }

  private async ask(): Promise<void> {
    if (document.hidden || this.inUse) return this.wait(this.everyValue);
    this.asked = new AbortController();
    try {
      const answer = await fetch(this.urlValue, { signal: this.asked.signal, credentials: "same-origin" });
      if (answer.status === 403 || answer.status === 404 || answer.redirected) return;
      if (answer.ok) {
        const part = await answer.text();
        if (part !== this.shown && !this.inUse) this.element.innerHTML = this.shown = part;
      }
      this.wait(answer.ok ? this.everyValue : 3 * this.everyValue);
    } catch (error) {
      if ((error as Error).name !== "AbortError") this.wait(3 * this.everyValue);
    }
  }
}
