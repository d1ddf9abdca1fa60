/**
 * 省流量: the lecture's sound with a still picture of its slides, for dear data and poor networks. The choice is kept
 * on this device. It counts like the whole picture: the page must be seen.
 *
 *   <button data-controller="thrift" data-action="thrift#toggle" aria-pressed="false" hidden>…</button>
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { choose, chosen } from "../study/choices";
import { hear, tell } from "../study/news";

const MARK = "study-thrift";

export default class ThriftController extends Controller<HTMLButtonElement> {
  private on = false;
  private end: (() => void) | null = null;

  override connect(): void {
    if (!readLessonPlay()?.playback?.slides_url) return;
    this.element.hidden = false;
    this.end = hear("study:thrifty", ({ on }) => {
      this.on = on;
      this.element.setAttribute("aria-pressed", String(on));
    });
    // After the player has begun to listen to us.
    if (chosen(MARK) === "on") setTimeout(() => tell("study:thrift", { on: true }));
  }

  override disconnect(): void {
    this.end?.();
  }

  toggle(): void {
    choose(MARK, this.on ? "off" : "on");
    tell("study:thrift", { on: !this.on });
  }
}
