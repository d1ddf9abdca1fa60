/**
 * 只听声音: the lecture without its picture, for a walk or a poor network. What is heard counts as what is seen.
 *
 *   <button data-controller="listen" data-action="listen#toggle" aria-pressed="false"
 *           data-listen-on-text-value="Show the picture again" data-listen-off-text-value="Sound only" hidden>
 *     <svg…/> <span data-listen-target="label">Sound only</span>
 *   </button>
 *
 * An address that ends in ?listen=1 (听课 in the elder version) begins without the picture.
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { hear, tell } from "../study/news";

export default class ListenController extends Controller<HTMLButtonElement> {
  static override targets = ["label"];
  static override values = { onText: String, offText: String };
  declare readonly labelTarget: HTMLElement;
  declare readonly onTextValue: string;
  declare readonly offTextValue: string;

  private on = false;
  private end: (() => void) | null = null;

  override connect(): void {
    const play = readLessonPlay();
    if (!play?.playback?.audio_url || play.kind === "AUDIO") return;
    this.element.hidden = false;
    this.end = hear("study:listening", ({ on }) => {
      this.on = on;
      this.element.setAttribute("aria-pressed", String(on));
      this.labelTarget.textContent = on ? this.onTextValue : this.offTextValue;
    });
    // After the player has begun to listen to us.
    if (new URLSearchParams(location.search).get("listen") === "1") setTimeout(() => this.toggle());
  }

  override disconnect(): void {
    this.end?.();
  }

  toggle(): void {
    tell("study:listen", { on: !this.on });
  }
}
