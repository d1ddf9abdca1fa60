/**
 * An exam under way: each answer is saved as it is given, the time left is shown, and the page hands itself in when
 * it is up. The server keeps the time; the form works without this. `was7` is what is saved as far as this page knows:
 * what differs from it is handed in, the rest may have been answered in another tab.
 *
 *   <div data-controller="exam" data-exam-left-value="3600" data-exam-save-value="/exams/attempts/…/answers/"
 *        data-exam-saved-text-value="Saved." data-exam-unsaved-text-value="…" data-exam-soon-text-value="…"
 *        data-exam-open-text-value="…" data-exam-count-text-value="{n} of {all} answered">
 *     <span data-exam-target="clock"></span> <span data-exam-target="said"></span> <span data-exam-target="count"></span>
 *     <form data-exam-target="form" data-action="change->exam#answered submit->exam#handIn">
 *       <fieldset data-exam-target="question" data-number="7">
 *         <input type="hidden" name="was7" value=""> … <input name="q7" value="A"> …
 *       </fieldset>
 *     </form>
 *   </div>
 */
import { Controller } from "@hotwired/stimulus";

const AGAIN_MS = 4000;
const SOON_S = 300;
/** What is saved while an answer is on its way: no answer equals it, so that a hand-in says it once more. */
const UNKNOWN = "?";

export default class ExamController extends Controller<HTMLElement> {
  static override targets = ["clock", "said", "count", "form", "question"];
  static override values = {
    left: Number,
    save: String,
    savedText: String,
    unsavedText: String,
    soonText: String,
    openText: String,
    countText: String,
  };
  declare readonly clockTarget: HTMLElement;
  declare readonly saidTarget: HTMLElement;
  declare readonly hasCountTarget: boolean;
  declare readonly countTarget: HTMLElement;
  declare readonly formTarget: HTMLFormElement;
  declare readonly questionTargets: HTMLElement[];
  declare readonly leftValue: number;
  declare readonly saveValue: string;
  declare readonly savedTextValue: string;
  declare readonly unsavedTextValue: string;
  declare readonly soonTextValue: string;
  declare readonly openTextValue: string;
  declare readonly countTextValue: string;
  private endsAt = 0;
  private timer = 0;
  private again = 0;
  private sending = false;
  private over = false;
  private readonly waiting = new Set<string>();

  override connect(): void {
    this.endsAt = performance.now() + this.leftValue * 1000;
    this.timer = window.setInterval(() => this.tick(), 1000);
    this.tick();
  }

  override disconnect(): void {
    window.clearInterval(this.timer);
    window.clearTimeout(this.again);
  }

  answered(event: Event): void {
    const question = (event.target as HTMLElement).closest<HTMLElement>("[data-number]");
    if (!question) return;
    const number = question.dataset.number ?? "";
    this.waiting.add(number);
    this.know(number, UNKNOWN);
    this.countAnswers();
    void this.save();
  }

  private countAnswers(): void {
    if (!this.hasCountTarget) return;
    const done = this.questionTargets.filter((question) => question.querySelector("input:checked")).length;
    this.countTarget.textContent = this.countTextValue
      .replace("{n}", String(done))
      .replace("{all}", String(this.questionTargets.length));
  }

  /** Asks once more while something is open; nothing more is saved once the form is on its way. */
  handIn(event: SubmitEvent): void {
    const saves = (event.submitter as HTMLButtonElement | null)?.name === "save";
    if (!saves && !this.over && this.somethingOpen && !window.confirm(this.openTextValue)) {
      event.preventDefault();
      return;
    }
    window.clearTimeout(this.again);
  }

  private know(number: string, saved: string): void {
    const was = this.formTarget.querySelector<HTMLInputElement>(`[name="was${number}"]`);
    if (was) was.value = saved;
  }

  private get somethingOpen(): boolean {
    return this.questionTargets.some((question) => !question.querySelector("input:checked"));
  }

  private tick(): void {
    const left = Math.max(0, Math.ceil((this.endsAt - performance.now()) / 1000));
    const two = (n: number): string => String(n).padStart(2, "0");
    const hours = Math.floor(left / 3600);
    const rest = `${two(Math.floor((left % 3600) / 60))}:${two(left % 60)}`;
    this.clockTarget.textContent = hours ? `${hours}:${rest}` : rest;
    if (left === SOON_S) this.saidTarget.textContent = this.soonTextValue;
    if (left === 0 && !this.over) this.finish();
  }

  private finish(): void {
    this.over = true;
    window.clearInterval(this.timer);
    this.formTarget.requestSubmit ? this.formTarget.requestSubmit() : this.formTarget.submit();
  }

  /** Sends the questions that wait, one request at a time; what fails waits and is tried again. */
  private async save(): Promise<void> {
    if (this.sending || this.waiting.size === 0) return;
    this.sending = true;
    window.clearTimeout(this.again);
    const numbers = [...this.waiting];
    this.waiting.clear();
    const ok = await this.send(numbers);
    this.sending = false;
    if (!ok) {
      for (const number of numbers) this.waiting.add(number);
      this.saidTarget.textContent = this.unsavedTextValue;
      this.again = window.setTimeout(() => void this.save(), AGAIN_MS);
    } else if (this.waiting.size) {
      void this.save();
    } else {
      this.saidTarget.textContent = this.savedTextValue;
    }
  }

  private async send(numbers: string[]): Promise<boolean> {
    const all = new FormData(this.formTarget);
    const body = new URLSearchParams();
    body.set("csrfmiddlewaretoken", String(all.get("csrfmiddlewaretoken") ?? ""));
    for (const number of numbers) {
      body.append("shows", number);
      for (const value of all.getAll(`q${number}`)) body.append(`q${number}`, String(value));
    }
    try {
      const answer = await fetch(this.saveValue, { method: "POST", body, credentials: "same-origin" });
      if (answer.status === 409 && !this.over) this.finish();
      if (answer.ok && !answer.redirected) {
        const { left_s: left } = (await answer.json()) as { left_s?: number };
        if (typeof left === "number") this.endsAt = performance.now() + left * 1000;
        for (const number of numbers) {
          if (!this.waiting.has(number)) this.know(number, body.getAll(`q${number}`).join(" "));
        }
        return true;
      }
      return answer.status === 409 || answer.status === 422;
    } catch {
      return false;
    }
  }
}
