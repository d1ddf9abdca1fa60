/**
 * What every page needs: a quiet line while there is no network, choices that slide brought to where one is, and the
 * service worker for the shell and texts.
 *
 *   <body data-controller="shell" data-shell-worker-value="/sw.js">
 *     <p role="status" hidden data-shell-target="offline">No connection. …</p>
 */
import { Controller } from "@hotwired/stimulus";
import { hear } from "../study/news";

export default class ShellController extends Controller<HTMLElement> {
  static override targets = ["offline"];
  static override values = { worker: String };
  declare readonly offlineTarget: HTMLElement;
  declare readonly hasOfflineTarget: boolean;
  declare readonly workerValue: string;

  private cut = false;
  private end: (() => void) | null = null;
  private draw = () => {
    if (this.hasOfflineTarget) this.offlineTarget.hidden = navigator.onLine && !this.cut;
  };

  override connect(): void {
    window.addEventListener("online", this.draw);
    window.addEventListener("offline", this.draw);
    this.end = hear("study:queue", ({ waiting, reachable }) => {
      this.cut = waiting > 0 && !reachable; // a network that reaches nobody is none
      this.draw();
    });
    this.draw();
    for (const here of this.element.querySelectorAll<HTMLElement>(".choices--slide > [aria-current]")) {
      const line = here.parentElement!; // a line that slides begins where one is
      line.scrollLeft = here.offsetLeft - line.offsetLeft - (line.clientWidth - here.offsetWidth) / 2;
    }
    if (this.workerValue && "serviceWorker" in navigator && window.isSecureContext) {
      navigator.serviceWorker.register(this.workerValue).catch((error: unknown) => {
        console.debug("pages are not kept for reading offline", error); // in-app browsers refuse
      });
    }
  }

  override disconnect(): void {
    window.removeEventListener("online", this.draw);
    window.removeEventListener("offline", this.draw);
    this.end?.();
  }
}
