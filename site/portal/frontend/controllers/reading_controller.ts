/**
 * Reading a text: the time that somebody spends with it is handed in as it passes, so that nothing is lost when the
 * page is left without «I have read it»; the page says how much is still to be read.
 *
 * Recording and handing in are beats_controller's; the playhead is study/text_playhead.ts. Without script the time
 * since the page was opened counts when the button is pressed.
 *
 *   <div data-controller="reading" data-reading-left-text-value="{length} still to read" …>
 *     <script type="application/json" id="lesson-play">…</script>
 *     <strong data-reading-target="read">…</strong> <strong data-reading-target="left">…</strong>
 *     <form data-reading-target="form">…</form>
 *   </div>
 */
import { fill, lengthInWords } from "../study/clock";
import { readLessonPlay } from "../study/lesson_play";
import { hear } from "../study/news";
import type { StudyState } from "../study/receipt";
import { TextPlayhead } from "../study/text_playhead";
import BeatsController, { type Playhead } from "./beats_controller";

const TICK_MS = 1000;
const TOUCHES = ["pointerdown", "pointermove", "wheel", "keydown", "scroll", "touchmove"];

export default class ReadingController extends BeatsController {
  static override targets = ["read", "left", "form"];
  static override values = {
    readText: String,
    leftText: String,
    doneText: String,
    hoursText: String,
    minutesText: String,
    secondsText: String,
  };
  declare readonly readTarget: HTMLElement;
  declare readonly leftTarget: HTMLElement;
  declare readonly formTarget: HTMLElement;
  declare readonly hasFormTarget: boolean;
  declare readonly readTextValue: string;
  declare readonly leftTextValue: string;
  declare readonly doneTextValue: string;
  declare readonly hoursTextValue: string;
  declare readonly minutesTextValue: string;
  declare readonly secondsTextValue: string;

  private head = new TextPlayhead(0, 0, 0);
  private ticking: number | undefined;
  private ends: (() => void)[] = [];

  protected override get playhead(): Playhead {
    return this.head;
  }

  override async connect(): Promise<void> {
    const play = readLessonPlay();
    if (!play?.token || play.completed) return;
    this.head = new TextPlayhead(play.frontier_s, play.duration_s, performance.now());
    const touched = () => this.head.touch(performance.now());
    for (const name of TOUCHES) {
      window.addEventListener(name, touched, { passive: true, capture: true });
      this.ends.push(() => window.removeEventListener(name, touched, { capture: true }));
    }
    this.ends.push(
      hear("study:state", ({ state }) => this.draw(state)),
      hear("study:lease-lost", () => this.stand()),
      hear("study:signed-out", () => this.stand()),
    );
    await super.connect();
    this.ticking = window.setInterval(() => this.tick(), TICK_MS);
  }

  override disconnect(): void {
    this.stand();
    this.ends.forEach((end) => end());
    this.ends = [];
    super.disconnect();
  }

  private tick(): void {
    if (window.speechSynthesis?.speaking) this.head.touch(performance.now());
    this.head.tick(performance.now(), document.visibilityState === "visible");
  }

  private stand(): void {
    window.clearInterval(this.ticking);
    this.ticking = undefined;
    this.head.tick(performance.now(), false);
  }

  private draw(state: StudyState): void {
    const leftS = Math.max(0, state.needed_s - state.watched_s);
    const words = { hours: this.hoursTextValue, minutes: this.minutesTextValue, seconds: this.secondsTextValue };
    this.readTarget.textContent = fill(this.readTextValue, { length: lengthInWords(state.watched_s, words) });
    this.leftTarget.textContent = state.completed
      ? this.doneTextValue
      : fill(this.leftTextValue, { length: lengthInWords(leftS, words) });
    if (state.completed && this.hasFormTarget) this.formTarget.hidden = true;
    if (state.completed) this.stand();
  }
}
