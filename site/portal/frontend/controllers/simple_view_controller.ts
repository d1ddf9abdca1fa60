/**
 * 简易模式: the button that trades looking around freely for flat views in eight directions (viewport_controller).
 *
 *   <button data-controller="simple-view" data-action="simple-view#toggle" aria-pressed="false" hidden>…</button>
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { hear, tell } from "../study/news";

export default class SimpleViewController extends Controller<HTMLButtonElement> {
  private on = false;
  private end: (() => void) | null = null;

  override connect(): void {
    if (!readLessonPlay()?.playback?.views_url) return;
    this.element.hidden = false;
    this.end = hear("study:simple", ({ level }) => {
      this.on = level !== null;
      this.element.setAttribute("aria-pressed", String(this.on));
    });
  }

  override disconnect(): void {
    this.end?.();
  }

  toggle(): void {
    tell("study:simplify", { on: !this.on });
  }
}
