/**
 * Captions in the picture, drawn by us so that they keep their size and place on every phone, also while only the
 * sound plays; and the words for the transcript.
 *
 *   <section data-controller="player captions"> …
 *     <p class="player__caption" data-captions-target="line" hidden></p>
 *     <button data-captions-target="toggle" data-action="captions#toggle" aria-pressed="true" hidden>…</button>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { choose, chosen } from "../study/choices";
import { hear, tell } from "../study/news";
import { cueAt, parse, type Cue } from "../study/webvtt";

const MARK = "study-captions";

export default class CaptionsController extends Controller<HTMLElement> {
  static override targets = ["line", "toggle"];
  declare readonly lineTarget: HTMLElement;
  declare readonly toggleTarget: HTMLButtonElement;

  private cues: Cue[] = [];
  private on = true;
  private positionS = 0;
  private end: (() => void) | null = null;

  override async connect(): Promise<void> {
    const url = readLessonPlay()?.playback?.captions?.[0]?.url;
    if (!url) return;
    try {
      const answer = await fetch(url);
      if (!answer.ok) return;
      this.cues = parse(await answer.text());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return; // offline: a lecture without captions
    }
    if (!this.cues.length || !this.element.isConnected) return;
    this.on = chosen(MARK) !== "off";
    this.toggleTarget.hidden = false;
    this.end = hear("study:position", ({ positionS }) => {
      this.positionS = positionS;
      this.draw();
    });
    this.draw();
    tell("study:captions", { cues: this.cues });
  }

  override disconnect(): void {
    this.end?.();
  }

  toggle(): void {
    this.on = !this.on;
    choose(MARK, this.on ? "on" : "off");
    this.draw();
  }

  private draw(): void {
    const cue = this.on ? this.cues[cueAt(this.cues, this.positionS)] : undefined;
    this.toggleTarget.setAttribute("aria-pressed", String(this.on));
    if (this.lineTarget.textContent !== (cue?.text ?? "")) this.lineTarget.textContent = cue?.text ?? "";
    this.lineTarget.hidden = !cue;
  }
}
