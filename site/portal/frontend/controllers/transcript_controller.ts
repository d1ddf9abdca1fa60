/**
 * The spoken words as a list that follows the lecture; a tap on a line leads there. Appears when there are captions.
 *
 *   <section data-controller="transcript" hidden>
 *     <ol class="transcript" data-transcript-target="list" data-action="click->transcript#lead"></ol>
 *     <template data-transcript-target="line"><li><button><time></time><span></span></button></li></template>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { timeline } from "../study/clock";
import { hear, tell } from "../study/news";
import { cueAt, type Cue } from "../study/webvtt";

export default class TranscriptController extends Controller<HTMLElement> {
  static override targets = ["list", "line"];
  declare readonly listTarget: HTMLElement;
  declare readonly lineTarget: HTMLTemplateElement;

  private cues: Cue[] = [];
  private spoken = -1;
  private endings: (() => void)[] = [];

  override connect(): void {
    this.endings.push(
      hear("study:captions", ({ cues }) => this.fill(cues)),
      hear("study:position", ({ positionS }) => this.follow(positionS)),
    );
  }

  override disconnect(): void {
    this.endings.forEach((end) => end());
    this.endings = [];
  }

  lead(event: Event): void {
    const start = (event.target as Element).closest<HTMLElement>("[data-start]")?.dataset["start"];
    if (start !== undefined) tell("study:seek", { positionS: Number(start) });
  }

  private fill(cues: Cue[]): void {
    this.cues = cues;
    this.listTarget.replaceChildren(
      ...cues.map((cue) => {
        const row = this.lineTarget.content.cloneNode(true) as DocumentFragment;
        const button = row.querySelector("button");
        const time = row.querySelector("time");
        const words = row.querySelector("span");
        if (button) button.dataset["start"] = String(cue.startS);
        if (time) time.textContent = timeline(cue.startS);
        if (words) words.textContent = cue.text;
        return row;
      }),
    );
    this.element.hidden = !cues.length;
  }

  private follow(positionS: number): void {
    const now = cueAt(this.cues, positionS);
    if (now === this.spoken || now < 0) return;
    this.listTarget.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.spoken = now;
    const row = this.listTarget.children[now] as HTMLElement | undefined;
    row?.querySelector("button")?.setAttribute("aria-current", "true");
    // Only the list scrolls, never the page under somebody's thumb.
    if (row && !this.listTarget.matches(":hover, :focus-within")) {
      this.listTarget.scrollTop = row.offsetTop - this.listTarget.offsetTop - this.listTarget.clientHeight / 3;
    }
  }
}
