/**
 * The coverage strip: which seconds count, which don't and why, with a button beside each gap.
 *
 * The server draws it (site/portal/templates/study/_strip.html); this keeps it true while the lecture plays, from
 * the archive's answers, and lets the buttons lead the player to the gap.
 *
 *   <section data-controller="strip" data-strip-watched-text-value="Studied: {length}" …>
 *     <span data-strip-target="watched">…</span> <span data-strip-target="goal">…</span>
 *     <div class="strip" data-strip-target="bar">…</div>
 *     <ul data-strip-target="gaps">
 *       <li> … <button data-action="strip#makeUp" data-strip-start-param="244">…</button></li>
 *     </ul>
 *     <template data-strip-target="gap">one such li, with data-part="times" and "reason"</template>
 *   </section>
 */
import { Controller, type ActionEvent } from "@hotwired/stimulus";
import { fill, hoursText, lengthInWords } from "../study/clock";
import { isTheRest } from "../study/gaps";
import { hear, tell } from "../study/news";
import type { Gap, StudyState } from "../study/receipt";

export default class StripController extends Controller<HTMLElement> {
  static override targets = ["watched", "goal", "bar", "gaps", "gap", "waiting", "now"];
  static override values = {
    watchedText: String,
    goalText: String,
    goalAloneText: String,
    goOnText: String,
    makeUpText: String,
    doneText: String,
    doneHoursText: String,
    barText: String,
    waitingText: String,
    hoursText: String,
    minutesText: String,
    secondsText: String,
    duration: Number,
  };
  declare readonly watchedTarget: HTMLElement;
  declare readonly goalTarget: HTMLElement;
  declare readonly barTarget: HTMLElement;
  declare readonly gapsTarget: HTMLElement;
  declare readonly gapTarget: HTMLTemplateElement;
  declare readonly waitingTarget: HTMLElement;
  declare readonly hasWaitingTarget: boolean;
  declare readonly watchedTextValue: string;
  declare readonly goalTextValue: string;
  declare readonly goalAloneTextValue: string;
  declare readonly goOnTextValue: string;
  declare readonly makeUpTextValue: string;
  declare readonly doneTextValue: string;
  declare readonly doneHoursTextValue: string;
  declare readonly barTextValue: string;
  declare readonly waitingTextValue: string;
  declare readonly hoursTextValue: string;
  declare readonly minutesTextValue: string;
  declare readonly secondsTextValue: string;
  declare readonly durationValue: number;

  private endings: (() => void)[] = [];
  private drawn = "";

  override connect(): void {
    for (const button of this.element.querySelectorAll<HTMLElement>("[data-action='strip#makeUp']")) {
      button.hidden = false;
    }
    this.endings.push(
      hear("study:state", ({ state }) => this.draw(state)),
      hear("study:queue", ({ waiting, reachable }) => this.wait(waiting, reachable)),
    );
  }

  override disconnect(): void {
    this.endings.forEach((end) => end());
    this.endings = [];
  }

  makeUp({ params }: ActionEvent): void {
    tell("study:seek", { positionS: Number(params["start"]) });
  }

  private draw(state: StudyState): void {
    const drawn = JSON.stringify([state.watched_s, state.completed, state.credited_hours, state.spans, state.missing]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const whole = state.duration_s || this.durationValue || 1;
    const length = (seconds: number) =>
      lengthInWords(seconds, {
        hours: this.hoursTextValue,
        minutes: this.minutesTextValue,
        seconds: this.secondsTextValue,
      });
    this.element.classList.toggle("is-completed", state.completed);
    this.watchedTarget.textContent = state.completed
      ? this.doneTextValue
      : fill(this.watchedTextValue, { length: length(state.watched_s) });
    const credited = state.credited_hours > 0;
    this.goalTarget.textContent = state.completed
      ? credited
        ? fill(this.doneHoursTextValue, { hours: hoursText(state.credited_hours) })
        : ""
      : fill(state.hours_on_offer > 0 ? this.goalTextValue : this.goalAloneTextValue, {
          length: length(state.needed_s),
          hours: hoursText(state.hours_on_offer),
        });
    this.barTarget.setAttribute(
      "aria-label",
      fill(this.barTextValue, { percent: Math.floor(state.coverage * 100 + 1e-9) }),
    );
    this.barTarget.replaceChildren(
      ...state.spans.map((span) => {
        const part = document.createElement("span");
        part.className = `strip__span strip__span--${span.kind}`;
        part.style.width = `${(((span.end_s - span.start_s) / whole) * 100).toFixed(3)}%`;
        return part;
      }),
    );
    this.list(state.missing, whole);
  }

  /** Draws the gaps anew, but leaves a button alone that somebody has just reached. */
  private list(gaps: Gap[], whole: number): void {
    const focused = document.activeElement?.closest<HTMLElement>("[data-strip-start-param]")?.dataset["stripStartParam"];
    this.gapsTarget.replaceChildren(
      ...gaps.map((gap) => {
        const row = this.gapTarget.content.cloneNode(true) as DocumentFragment;
        const part = (name: string) => row.querySelector<HTMLElement>(`[data-part='${name}']`);
        const times = part("times");
        const reason = part("reason");
        const button = row.querySelector<HTMLButtonElement>("button");
        if (times) times.textContent = `${gap.start_label} – ${gap.end_label}`;
        if (reason) reason.textContent = gap.reason;
        if (button) {
          button.hidden = false;
          button.textContent = isTheRest(gap, whole) ? this.goOnTextValue : this.makeUpTextValue;
          button.dataset["stripStartParam"] = String(gap.start_s);
          button.setAttribute("aria-label", `${button.textContent?.trim()} ${gap.start_label} – ${gap.end_label}`);
        }
        return row;
      }),
    );
    this.gapsTarget.hidden = !gaps.length;
    if (focused) this.gapsTarget.querySelector<HTMLElement>(`[data-strip-start-param="${focused}"]`)?.focus();
  }

  private wait(waiting: number, reachable: boolean): void {
    if (!this.hasWaitingTarget) return;
    this.waitingTarget.textContent = fill(this.waitingTextValue, { n: waiting });
    this.waitingTarget.hidden = !waiting || reachable;
  }
}
